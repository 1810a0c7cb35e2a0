"""One patient's memory never touches another's (P4): the worker's side, by messages alone.

The model's mask is the digest of all pictures its memory saw, so one foreign, lost or stale picture
shows.
"""

from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass, field

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from server.masks import rle
from server.worker.channel import MessageChannel
from server.worker.protocol import (
    Close,
    Configure,
    Dropped,
    FromWorker,
    Hello,
    Open,
    Ready,
    Reset,
    Result,
    Step,
)
from tests.fakes.capacities import DEMAND, made_up_capacity
from tests.fakes.history_model import SIDE, HistoryModel, create_model, digest_of
from tests.fakes.local_worker import worker_running

SESSIONS = "abcde"
CYCLES = 1000
_MADE: list[HistoryModel] = []


def create_watched_model(weights: str, device: str) -> HistoryModel:
    """Keep the model, so that a test can ask which memories it still holds."""
    _MADE.append(create_model(weights, device))
    return _MADE[-1]


@dataclass
class Truth:
    """What one session's memory must have seen."""

    epoch: int = 0
    pictures: list[bytes] = field(default_factory=list)


class Room:
    """Speaks to a worker as the service does, and knows what each answer must be."""

    def __init__(self, channel: MessageChannel) -> None:
        self.channel = channel
        self.open: dict[str, Truth] = {}
        self.batches: set[int] = set()
        self._number = 0

    async def start(self, max_batch: int) -> None:
        await self.channel.send(
            Configure(
                model=f"{__name__}:create_watched_model",
                weights="",
                device="cpu",
                threads=1,
                max_batch=max_batch,
                deadline_ms=5000,
                demand=DEMAND,
                measure_s=0.05,
                known_capacity=made_up_capacity(batch=max_batch),
            )
        )
        assert isinstance(await self.channel.receive_by_service(), Hello)
        assert isinstance(await self.channel.receive_by_service(), Ready)

    async def begin(self, session: str) -> None:
        self.open[session] = Truth()
        await self.channel.send(Open(session=session, epoch=0))

    async def reset(self, session: str) -> None:
        truth = self.open[session]
        truth.epoch, truth.pictures = truth.epoch + 1, []
        await self.channel.send(Reset(session=session, epoch=truth.epoch))

    async def end(self, session: str) -> None:
        del self.open[session]
        await self.channel.send(Close(session=session))

    async def step(self, session: str) -> tuple[str, int]:
        """Send a picture that no other session or time ever has."""
        truth = self.open[session]
        truth.pictures.append(await self._send(session, truth.epoch))
        return session, self._number

    async def step_late(self, session: str) -> None:
        """Send a picture that a reset has overtaken."""
        await self.reset(session)
        await self._send(session, self.open[session].epoch - 1)

    async def _send(self, session: str, epoch: int) -> bytes:
        self._number += 1
        picture = np.random.default_rng(self._number).bytes(SIDE * SIDE * 3)
        message = Step(
            session=session, epoch=epoch, sequence=self._number,
            height=SIDE, width=SIDE, age_ms=0.0,
        )  # fmt: skip
        await self.channel.send(message, picture)
        return picture

    async def answers(self, count: int) -> list[FromWorker]:
        found = [await self.channel.receive_by_service() for _ in range(count)]
        return [message for message in found if message is not None]

    def check(self, answer: FromWorker) -> None:
        """The mask is what this session's pictures since its last reset alone would give."""
        assert isinstance(answer, Result | Dropped), answer
        truth = self.open[answer.session]
        if isinstance(answer, Dropped):
            assert (answer.cause, answer.epoch) == ("reset", truth.epoch - 1)
            return
        assert answer.epoch == truth.epoch
        self.batches.add(answer.batch)
        mask = rle.decode(answer.counts, *answer.size)
        np.testing.assert_array_equal(mask, digest_of(truth.pictures))


_ROUNDS = st.lists(
    st.tuples(
        st.sampled_from(["step", "step", "step", "reset", "end", "stale"]),
        st.sets(st.sampled_from(SESSIONS), min_size=1),
    ),
    min_size=4,
    max_size=30,
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(rounds=_ROUNDS, max_batch=st.integers(1, 5))
@pytest.mark.hazard("H9")
def test_every_mask_comes_from_its_own_sessions_pictures_alone(
    rounds: list[tuple[str, set[str]]], max_batch: int
) -> None:
    asyncio.run(_play(rounds, max_batch))


async def _play(rounds: list[tuple[str, set[str]]], max_batch: int) -> None:
    """Each round does one thing to some sessions at once; those not open are opened first."""
    async with worker_running() as (channel, _):
        room = Room(channel)
        await room.start(max_batch)
        actions = {"reset": room.reset, "end": room.end, "step": room.step, "stale": room.step_late}
        for action, chosen in rounds:
            for session in sorted(chosen - set(room.open)):
                await room.begin(session)
            for session in sorted(chosen):
                await actions[action](session)
            if action in ("step", "stale"):
                for answer in await room.answers(len(chosen)):
                    room.check(answer)


@pytest.mark.hazard("H9")
async def test_a_thousand_sessions_come_and_go_and_leave_nothing_behind() -> None:
    """Some are closed with a picture under way; one lives through it all, undisturbed."""
    async with worker_running(timeout_s=240) as (channel, _):
        room = Room(channel)
        await room.start(max_batch=4)
        await room.begin("long")
        for cycle in range(CYCLES):
            # Names come again: a memory that outlived its session would be found by the next.
            session = f"s{cycle % 7}"
            await room.begin(session)
            sent = [await room.step(session)]
            if cycle % 10 == 0:
                sent.append(await room.step("long"))
            if cycle % 3 == 0:
                await room.end(session)
            answers = await room.answers(len(sent))
            for answer in answers:
                if isinstance(answer, Result) and answer.session in room.open:
                    room.check(answer)
            assert sorted((a.session, a.sequence) for a in answers) == sorted(sent)  # type: ignore[union-attr]  # all are answers to steps
            if cycle % 3:
                await room.end(session)
        assert len(room.open["long"].pictures) == CYCLES // 10
        # The worker has dealt with what was sent before this is answered.
        await room.step("long")
        room.check((await room.answers(1))[0])
        gc.collect()
        assert sum(ref() is not None for ref in _MADE[-1].states) == 1, "that of the open session"


@pytest.mark.hazard("H9")
async def test_pictures_computed_in_one_batch_stay_apart() -> None:
    async with worker_running() as (channel, _):
        room = Room(channel)
        await room.start(max_batch=5)
        for session in SESSIONS:
            await room.begin(session)
        for _ in range(20):
            for session in SESSIONS:
                await room.step(session)
            for answer in await room.answers(len(SESSIONS)):
                room.check(answer)
        assert max(room.batches) > 1
