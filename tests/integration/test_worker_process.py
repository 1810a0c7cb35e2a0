"""The client, the supervisor and real worker processes that run the fake engine."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from server.errors import MemoryNotReadError, WorkerLostError, WorkerStartError, WorkerStepError
from server.session.mask_loop import MAX_UNDER_WAY
from server.settings import WorkerSettings
from server.worker.client import Picture, WorkerClient
from server.worker.protocol import Dropped, Result
from server.worker.state import WorkerState, WorkerStatus

ENGINE = "tests.fakes.fake_engine:create_engine"
RGB = bytes(352 * 352 * 3)


def picture(sequence: int, session: str = "a") -> Picture:
    return Picture(session=session, sequence=sequence, height=352, width=352, rgb=RGB, age_ms=0.0)


def memory_seen_in(answer: Result | Dropped) -> int:
    """How many pictures the session's memory had seen."""
    assert isinstance(answer, Result)
    return answer.polyps[0].area_px


PATIENT = {"ping_timeout_ms": 10_000}
"""On a machine with other work a healthy worker may be silent for the usual 250 ms."""


class Watched:
    """A client and the states its worker went through, with their times."""

    def __init__(self, client: WorkerClient) -> None:
        self.client = client
        self.states: list[tuple[float, WorkerStatus]] = []
        client.add_listener(lambda status: self.states.append((time.monotonic(), status)))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - a state of another process
                await asyncio.sleep(0.01)

    async def until_state(
        self, state: WorkerState, since: int | None = None
    ) -> tuple[float, WorkerStatus]:
        """Wait for the next step to `state`, or the first after so many; return time and status.

        The status now may be another one already.
        """
        known = len(self.states) if since is None else since
        await self.until(lambda: any(s.state is state for _, s in self.states[known:]))
        return next((when, s) for when, s in self.states[known:] if s.state is state)


@asynccontextmanager
async def client_of(weights: str, **chosen: Any) -> AsyncIterator[Watched]:
    settings = WorkerSettings(
        **{"model": ENGINE, "weights": weights, "restart_delay_ms": 50, "measure_s": 0.05}
        | PATIENT
        | chosen
    )
    client = WorkerClient(settings, deadline_ms=250, now_ns=time.monotonic_ns)
    watched = Watched(client)
    client.start()
    try:
        async with asyncio.timeout(120):
            yield watched
    finally:
        await client.aclose()


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def environment_of(pid: int | None) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_sessions_are_served_apart_and_a_reset_empties_one_memory() -> None:
    async with client_of("ok") as watched:
        client = watched.client
        client.open("a")
        hello = await client.wait_until_loaded()
        assert (hello.name, hello.pid) == ("fake", client.pid)
        await client.wait_until_ready()
        client.open("b")
        for sequence in range(3):
            answer = await client.step(picture(sequence))
        assert memory_seen_in(answer) == 3
        assert memory_seen_in(await client.step(picture(0, "b"))) == 1
        client.reset("a")
        assert memory_seen_in(await client.step(picture(3))) == 1
        assert memory_seen_in(await client.step(picture(1, "b"))) == 2
        assert client.restarts == 0


async def test_a_worker_that_is_never_idle_tells_its_memory_too() -> None:
    async with client_of("ok", ping_interval_ms=500) as watched:
        client = watched.client
        client.open("a")
        await client.wait_until_ready()
        sequence, steps = 0, 0
        # The first comes soon after a slow start; until the next, the worker was busy.
        for _ in range(2):
            known, steps = client.pong, 0
            while client.pong is known:
                await client.step(picture(sequence))
                sequence, steps = sequence + 1, steps + 1
        assert client.pong is not None
        assert (client.pong.memory_bytes or 0) > 10_000_000
        assert steps >= 5, "it was idle"


async def test_a_memory_can_be_looked_into_until_it_is_emptied() -> None:
    async with client_of("ok", model="tests.fakes.remembering_model:create_model") as watched:
        client = watched.client
        client.open("a")
        await client.wait_until_ready()
        await client.step(picture(0))
        asked = asyncio.create_task(client.read_memory("a", (), (0,)))
        await asyncio.sleep(0)
        await client.step(picture(1))
        read = await asked
        assert [frame.sequence for frame in read.frames] == [0]
        assert read.frames[0].map is not None
        assert read.frames[0].picture is not None
        late = asyncio.create_task(client.read_memory("a", (), ()))
        await asyncio.sleep(0)
        client.reset("a")
        with pytest.raises(MemoryNotReadError, match="emptied"):
            await late
        lost = asyncio.create_task(client.read_memory("a", (), ()))
        await asyncio.sleep(0)
        assert client.pid is not None
        os.kill(client.pid, signal.SIGKILL)
        with pytest.raises(WorkerLostError):
            await lost


async def test_sessions_beyond_what_was_measured_are_said_when_they_are_opened() -> None:
    async with client_of("each:30") as watched:
        with capture_logs() as logs:
            watched.client.open("a")
            await watched.client.wait_until_ready()
            assert "worker_overcommitted" not in {entry["event"] for entry in logs}
            watched.client.open("b")
        [told] = [entry for entry in logs if entry["event"] == "worker_overcommitted"]
        assert (told["sessions"], told["log_level"]) == (2, "warning")


@pytest.mark.hazard("H9")
async def test_a_result_of_before_a_reset_is_not_given_to_anybody() -> None:
    async with client_of("step:100") as watched:
        client = watched.client
        client.open("a")
        await client.wait_until_ready()
        stepping = asyncio.create_task(client.step(picture(0)))
        # It is sent in this turn of the loop; after a wait it might be computed already.
        await asyncio.sleep(0)
        client.reset("a")
        assert await stepping == Dropped(session="a", epoch=0, sequence=0, cause="reset")
        assert memory_seen_in(await client.step(picture(0))) == 1


@pytest.mark.hazard("H3", "F1")
async def test_a_killed_worker_is_noticed_at_once_and_replaced() -> None:
    async with client_of("hang:2", step_timeout_s=60, restart_delay_ms=500) as watched:
        client = watched.client
        client.open("a")
        await client.wait_until_ready()
        await client.step(picture(0))
        stepping = asyncio.create_task(client.step(picture(1)))
        await asyncio.sleep(0.02)
        killed_at = time.monotonic()
        assert client.pid is not None
        os.kill(client.pid, signal.SIGKILL)
        lost_at, lost = await watched.until_state(WorkerState.LOST)
        assert lost_at - killed_at < 0.3
        assert lost.reason == "worker lost (killed by SIGKILL), restarting"
        with pytest.raises(WorkerLostError):
            await stepping
        with pytest.raises(WorkerLostError):
            await client.step(picture(2))
        await client.wait_until_ready()
        assert memory_seen_in(await client.step(picture(3))) == 1
        assert client.restarts == 1


@pytest.mark.hazard("H4", "F2")
async def test_a_stopped_idle_worker_is_killed_by_the_watchdog() -> None:
    async with client_of("ok", ping_timeout_ms=250) as watched:
        await watched.client.wait_until_ready()
        stopped = watched.client.pid
        assert stopped is not None
        os.kill(stopped, signal.SIGSTOP)
        stopped_at = time.monotonic()
        lost_at, lost = await watched.until_state(WorkerState.LOST)
        assert 0.2 < lost_at - stopped_at < 1.0
        assert "silent for 250 ms" in lost.reason
        await watched.client.wait_until_ready()
        assert not is_running(stopped)


@pytest.mark.hazard("H4", "F3")
async def test_a_step_that_hangs_is_ended_and_the_next_worker_computes() -> None:
    async with client_of("hang:2", step_timeout_s=0.5) as watched:
        client = watched.client
        client.open("a")
        await client.wait_until_ready()
        await client.step(picture(0))
        began = time.monotonic()
        with pytest.raises(WorkerLostError):
            await client.step(picture(1))
        assert 0.5 <= time.monotonic() - began < 2.0
        await client.wait_until_ready()
        assert memory_seen_in(await client.step(picture(2))) == 1


@pytest.mark.hazard("H4", "F3")
async def test_a_step_that_hangs_is_noticed_while_newer_pictures_keep_coming() -> None:
    async with client_of("hang:2", step_timeout_s=0.5) as watched:
        client = watched.client
        client.open("a")
        await client.wait_until_ready()
        await client.step(picture(0))
        began = time.monotonic()
        answers: list[asyncio.Task[Result | Dropped]] = []
        async with asyncio.timeout(60):
            while client.status.state is WorkerState.READY:
                if sum(not answer.done() for answer in answers) < MAX_UNDER_WAY:
                    number = len(answers) + 1
                    answers.append(asyncio.create_task(client.step(picture(number))))
                await asyncio.sleep(0.02)
        assert 0.5 <= time.monotonic() - began < 2.0
        ends = await asyncio.gather(*answers, return_exceptions=True)
        replaced = [end for end in ends if isinstance(end, Dropped)]
        assert {end.cause for end in replaced} == {"replaced"}
        assert sum(isinstance(end, WorkerLostError) for end in ends) == len(ends) - len(replaced)
        await client.wait_until_ready()
        assert memory_seen_in(await client.step(picture(0))) == 1


async def test_a_slow_start_is_no_hang() -> None:
    async with client_of("load:800") as watched:
        await watched.client.wait_until_ready()
        assert [status.state for _, status in watched.states] == ["starting", "warming", "ready"]


async def test_a_start_that_takes_too_long_is_ended_and_not_tried_for_ever() -> None:
    async with client_of("load:60000", start_timeout_s=0.5, max_start_failures=2) as watched:
        with pytest.raises(WorkerStartError, match=r"not ready after 0\.5 s"):
            await watched.client.wait_until_loaded()
        assert [s.state for _, s in watched.states] == ["starting", "lost", "starting", "failed"]


@pytest.mark.hazard("F4")
async def test_a_broken_checkpoint_is_told_once_in_the_workers_words() -> None:
    async with client_of("broken") as watched:
        with pytest.raises(WorkerStartError) as caught:
            await watched.client.wait_until_loaded()
        assert str(caught.value) == "broken.safetensors is damaged: its header cannot be read"
        assert [status.state for _, status in watched.states] == ["starting", "failed"]
        assert watched.client.restarts == 0


@pytest.mark.hazard("F1")
async def test_each_loss_in_a_row_lengthens_the_pause() -> None:
    # Long enough that a busy machine's own delays do not count.
    async with client_of("crash:1", max_start_failures=2, restart_delay_ms=400) as watched:
        client = watched.client
        client.open("a")
        await client.wait_until_ready()
        delays = []
        for _ in range(2):
            known = len(watched.states)
            with pytest.raises(WorkerLostError):
                await client.step(picture(0))
            lost_at, _ = await watched.until_state(WorkerState.LOST, known)
            started_at, _ = await watched.until_state(WorkerState.STARTING, known)
            delays.append(started_at - lost_at)
            await client.wait_until_ready()
        assert delays[1] > 1.5 * delays[0]


async def test_a_failed_step_is_told_and_the_worker_goes_on() -> None:
    async with client_of("fail:1") as watched:
        client = watched.client
        client.open("a")
        await client.wait_until_ready()
        with pytest.raises(WorkerStepError, match="out of memory"):
            await client.step(picture(0))
        assert memory_seen_in(await client.step(picture(1))) == 1
        assert client.restarts == 0


async def test_closing_ends_the_process_even_within_a_step() -> None:
    async with client_of("hang:1") as watched:
        client = watched.client
        client.open("a")
        await client.wait_until_ready()
        stepping = asyncio.create_task(client.step(picture(0)))
        await asyncio.sleep(0.1)
        pid = client.pid
        assert pid is not None
    assert not is_running(pid)
    with pytest.raises(WorkerLostError):
        await stepping


async def test_a_worker_does_not_inherit_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALI_AUTH__TOKEN", "a-long-secret-token")
    async with client_of("ok") as watched:
        await watched.client.wait_until_ready()
        environment = environment_of(watched.client.pid)
        assert b"PATH=" in environment
        assert b"a-long-secret-token" not in environment


async def test_a_worker_measures_its_capacity_once_and_the_next_one_takes_it_over() -> None:
    async with client_of("each:15") as watched:
        client = watched.client
        assert client.capacity is None
        await client.wait_until_ready()
        measured = client.capacity
        assert measured is not None
        assert measured.steps[0].step_ms >= 15
        assert measured.is_memory_full
        assert client.pid is not None
        os.kill(client.pid, signal.SIGKILL)
        await watched.until_state(WorkerState.LOST)
        await client.wait_until_ready()
        assert client.capacity == measured


async def test_a_machine_too_slow_for_every_picture_says_so() -> None:
    async with client_of("step:60") as watched:
        await watched.client.wait_until_ready()
        status, capacity = watched.client.status, watched.client.capacity
        assert capacity is not None
        assert capacity.sessions == 0
        assert status.state is WorkerState.READY
        assert status.reason == (
            f"this machine is slow: about {capacity.fps_alone:g} of 25 pictures a second"
        )
