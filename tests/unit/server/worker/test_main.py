"""The worker's loop over a real socket pair, in this process, with the fake engine."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Mapping, Sequence

import pytest

from server.errors import UnsupportedMessageError
from server.worker.channel import MessageChannel
from server.worker.main import MAX_FAILED_STEPS
from server.worker.protocol import (
    Capacity,
    Close,
    Configure,
    Dropped,
    Failed,
    Hello,
    MemoryRead,
    Open,
    Ping,
    Pong,
    ReadMemory,
    Ready,
    Reset,
    Result,
    Step,
    StepFailed,
)
from server.worker.runner import Computed, Runner
from server.worker.scheduler import StepRequest
from tests.fakes.capacities import DEMAND, made_up_capacity
from tests.fakes.fake_engine import FakeEngine, FakeState
from tests.fakes.local_worker import worker_running

RGB = bytes(4 * 4 * 3)
KNOWN = made_up_capacity(batch=4)


def configuration(weights: str) -> Configure:
    return Configure(
        model="tests.fakes.fake_engine:create_engine",
        weights=weights,
        device="cpu",
        threads=1,
        max_batch=4,
        deadline_ms=250,
        demand=DEMAND,
        measure_s=0.05,
        known_capacity=KNOWN,
    )


def step(session: str, sequence: int, *, epoch: int = 0, age_ms: float = 0.0) -> Step:
    return Step(session=session, epoch=epoch, sequence=sequence, height=4, width=4, age_ms=age_ms)


async def start(
    channel: MessageChannel, weights: str = "ok", known: Capacity | None = KNOWN
) -> Ready:
    """Configure and take the greetings."""
    await channel.send(configuration(weights).model_copy(update={"known_capacity": known}))
    hello = await channel.receive_by_service()
    assert isinstance(hello, Hello)
    assert (hello.name, hello.mask_size) == ("fake", (352, 352))
    ready = await channel.receive_by_service()
    assert isinstance(ready, Ready)
    return ready


async def test_pictures_of_an_open_session_are_answered() -> None:
    async with worker_running() as (channel, _):
        await start(channel)
        await channel.send(Open(session="a", epoch=0))
        await channel.send(step("a", 3), RGB)
        result = await channel.receive_by_service()
        assert isinstance(result, Result)
        assert (result.session, result.sequence, result.polyps[0].area_px) == ("a", 3, 1)


async def test_the_capacity_is_measured_unless_an_earlier_worker_did_so() -> None:
    async with worker_running() as (channel, _):
        measured = (await start(channel, "each:10", known=None)).capacity
        assert measured.demand == DEMAND
        assert measured.steps[0].batch == 1
        assert measured.steps[0].step_ms >= 10
    async with worker_running() as (channel, _):
        assert (await start(channel)).capacity == KNOWN


async def test_a_picture_that_cannot_be_ready_in_time_is_dropped() -> None:
    async with worker_running() as (channel, _):
        await start(channel, "step:100")
        await channel.send(Open(session="a", epoch=0))
        for _ in range(9):  # until the made-up steps of 5 ms are forgotten
            await channel.send(step("a", 0), RGB)
            assert isinstance(await channel.receive_by_service(), Result)
        await channel.send(step("a", 1, age_ms=200.0), RGB)
        assert await channel.receive_by_service() == Dropped(
            session="a", epoch=0, sequence=1, cause="no_time"
        )


async def test_pings_are_answered_while_the_weights_load_and_while_a_step_runs() -> None:
    async with worker_running() as (channel, _):
        await channel.send(configuration("load:300,step:300"))
        await channel.send(Ping(nonce=1))
        pong = await channel.receive_by_service()
        assert isinstance(pong, Pong)
        assert pong.nonce == 1
        assert pong.memory_bytes is not None
        assert pong.memory_bytes > 10_000_000
        assert pong.device_memory_bytes is None
        assert isinstance(await channel.receive_by_service(), Hello)
        assert isinstance(await channel.receive_by_service(), Ready)
        await channel.send(Open(session="a", epoch=0))
        await channel.send(step("a", 0), RGB)
        await channel.send(Ping(nonce=2))
        pong = await channel.receive_by_service()
        assert isinstance(pong, Pong)
        assert pong.nonce == 2
        assert isinstance(await channel.receive_by_service(), Result)


async def test_pictures_that_wait_together_are_computed_together() -> None:
    async with worker_running() as (channel, _):
        await start(channel, "step:100")
        for session in "abc":
            channel.post(Open(session=session, epoch=0))
            channel.post(step(session, 0), RGB)
        channel.post(step("b", 1), RGB)
        answers = [await channel.receive_by_service() for _ in range(4)]
        batches = {answer.session: answer.batch for answer in answers if isinstance(answer, Result)}
        assert set(batches) == set("abc")
        assert batches["c"] >= 2


async def test_a_picture_past_its_deadline_is_dropped() -> None:
    async with worker_running() as (channel, _):
        await start(channel)
        await channel.send(Open(session="a", epoch=0))
        await channel.send(step("a", 0, age_ms=251.0), RGB)
        assert await channel.receive_by_service() == Dropped(
            session="a", epoch=0, sequence=0, cause="deadline"
        )


async def test_every_picture_is_answered_once_whatever_becomes_of_it() -> None:
    async with worker_running() as (channel, _):
        await start(channel, "step:50")
        channel.post(Open(session="a", epoch=0))
        for sequence in range(4):
            channel.post(step("a", sequence), RGB)
        channel.post(Reset(session="a", epoch=1))
        channel.post(step("a", 4), RGB)
        channel.post(step("a", 5, epoch=1), RGB)
        channel.post(step("unknown", 6), RGB)
        answers = [await channel.receive_by_service() for _ in range(7)]
        sequences = [answer.sequence for answer in answers if isinstance(answer, Result | Dropped)]
        assert sorted(sequences) == list(range(7))
        [fresh] = [a for a in answers if isinstance(a, Result) and a.sequence == 5]
        assert fresh.polyps[0].area_px == 1


async def test_a_closed_session_begins_anew_when_it_is_opened_again() -> None:
    async with worker_running() as (channel, _):
        await start(channel)
        for _ in range(2):
            await channel.send(Open(session="a", epoch=0))
            await channel.send(step("a", 0), RGB)
            result = await channel.receive_by_service()
            assert isinstance(result, Result)
            assert result.polyps[0].area_px == 1
            await channel.send(Close(session="a"))


async def test_a_session_closed_while_its_picture_is_on_the_way_leaves_no_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states: list[weakref.ref[FakeState]] = []
    compute = Runner.compute
    begun, may_go_on = threading.Event(), threading.Event()

    def initial_state(engine: FakeEngine) -> FakeState:
        state = FakeState()
        states.append(weakref.ref(state))
        return state

    def compute_later(
        runner: Runner, requests: Sequence[StepRequest], questions: Mapping[str, ReadMemory]
    ) -> Computed:
        begun.set()
        assert may_go_on.wait(30)
        return compute(runner, requests, questions)

    monkeypatch.setattr(FakeEngine, "initial_state", initial_state)
    monkeypatch.setattr(Runner, "compute", compute_later)
    async with worker_running() as (channel, _):
        await start(channel)
        warmed_up = len(states)
        channel.post(Open(session="a", epoch=0))
        channel.post(step("a", 0), RGB)
        assert await asyncio.to_thread(begun.wait, 30)
        channel.post(Close(session="a"))
        channel.post(Ping(nonce=1))
        assert isinstance(await channel.receive_by_service(), Pong), "the session is closed"
        may_go_on.set()
        assert isinstance(await channel.receive_by_service(), Result)
        assert len(states) == warmed_up + 1
        gc.collect()
        assert states[-1]() is None


async def test_a_question_about_a_memory_is_answered_by_the_next_step_of_its_epoch() -> None:
    async with worker_running() as (channel, _):
        model = "tests.fakes.remembering_model:create_model"
        await channel.send(configuration("ok").model_copy(update={"model": model}))
        assert isinstance(await channel.receive_by_service(), Hello)
        assert isinstance(await channel.receive_by_service(), Ready)
        await channel.send(Open(session="a", epoch=0))
        await channel.send(step("a", 7), RGB)
        assert isinstance(await channel.receive_by_service(), Result)
        await channel.send(ReadMemory(session="a", epoch=0, known=(), maps=()))
        await channel.send(step("a", 8).model_copy(update={"pts": 720}), RGB)
        assert isinstance(await channel.receive_by_service(), Result)
        read = await channel.receive_by_service()
        assert isinstance(read, MemoryRead)
        assert (read.session, read.sequence, read.pts) == ("a", 8, 720)
        assert [frame.sequence for frame in read.frames] == [7]
        # A question of the epoch before, and one that a reset overtook, are over.
        await channel.send(ReadMemory(session="a", epoch=0, known=(), maps=()))
        await channel.send(Reset(session="a", epoch=1))
        await channel.send(ReadMemory(session="a", epoch=0, known=(), maps=()))
        for sequence in (9, 10):
            await channel.send(step("a", sequence, epoch=1), RGB)
            assert isinstance(await channel.receive_by_service(), Result)


async def test_broken_weights_are_told_and_end_the_worker() -> None:
    async with worker_running() as (channel, running):
        await channel.send(configuration("broken"))
        assert await channel.receive_by_service() == Failed(
            message="broken.safetensors is damaged: its header cannot be read"
        )
        assert await running == 1


async def test_a_failed_step_is_told_and_the_next_one_computed() -> None:
    async with worker_running() as (channel, _):
        await start(channel, "fail:1")
        await channel.send(Open(session="a", epoch=0))
        await channel.send(step("a", 0), RGB)
        failed = await channel.receive_by_service()
        assert isinstance(failed, StepFailed)
        assert failed.message == "RuntimeError: out of memory"
        await channel.send(step("a", 1), RGB)
        assert isinstance(await channel.receive_by_service(), Result)


async def test_a_worker_that_only_fails_gives_itself_up() -> None:
    async with worker_running() as (channel, running):
        await start(channel)
        await channel.send(Open(session="a", epoch=0))
        for sequence in range(MAX_FAILED_STEPS):
            bad = step("a", sequence).model_copy(update={"height": 0, "width": 0})
            await channel.send(bad, b"")
            assert isinstance(await channel.receive_by_service(), StepFailed)
        assert await running == 1


async def test_the_end_of_the_stream_ends_the_worker() -> None:
    async with worker_running() as (channel, running):
        await start(channel)
        await channel.aclose()
        assert await running == 0


async def test_a_stream_that_ends_before_it_began_ends_the_worker() -> None:
    async with worker_running() as (channel, running):
        await channel.aclose()
        assert await running == 0


@pytest.mark.parametrize("body", [b"", bytes(49)])
async def test_a_picture_of_the_wrong_length_ends_the_conversation(body: bytes) -> None:
    async with worker_running() as (channel, running):
        await start(channel)
        await channel.send(Open(session="a", epoch=0))
        await channel.send(step("a", 0), body)
        with pytest.raises(UnsupportedMessageError):
            await running
