"""Every frame that came is accounted for: masked, or dropped with one cause."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from server.errors import WorkerLostError, WorkerStepError
from server.media.frame import ModelFrame
from server.media.mailbox import Mailbox
from server.worker.protocol import Dropped
from tests.fakes.fake_worker import FakeWorker, result_of
from tests.fakes.virtual_clock import VirtualClock
from tests.unit.server.session.test_mask_loop import frame, loop_of, until

OUTCOMES = ["mask", "mask", "late", "replaced", "no_time", "deadline", "lost", "failed"]
CAUSES = {"late": "late", "lost": "worker_lost", "failed": "step_failed"}


@pytest.mark.parametrize("seed", range(8))
async def test_frames_in_are_masks_out_and_drops_by_cause(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - no secret
    mailbox: Mailbox[ModelFrame] = Mailbox()
    worker, clock = FakeWorker(), VirtualClock()
    expected: Counter[str] = Counter()
    put = 0
    async with loop_of(mailbox, worker, clock) as masks:
        for _ in range(60):
            for _ in range(dice.randint(1, 3)):
                mailbox.put(frame(put, clock.monotonic_ns()))
                put += 1
            if dice.random() < 0.1:
                masks.forget()
                continue
            picture, answer = await worker.next_picture()
            outcome = dice.choice(OUTCOMES)
            await clock.advance(0.3 if outcome == "late" else 0.04)
            expected[CAUSES.get(outcome, outcome)] += 1
            if outcome == "lost":
                answer.set_exception(WorkerLostError("gone"))
            elif outcome == "failed":
                answer.set_exception(WorkerStepError("broken"))
            elif outcome in ("mask", "late"):
                answer.set_result(result_of(picture))
            else:
                answer.set_result(
                    Dropped(session="s", epoch=0, sequence=picture.sequence, cause=outcome)
                )
            done = expected.total()
            await until(lambda: masks.frames_masked + masks.drops.total() >= done)  # noqa: B023
        assert masks.frames_masked == expected.pop("mask")
        assert masks.drops == expected
        assert masks.frames_masked + masks.drops.total() + mailbox.drops == put


@pytest.mark.hazard("H2")
async def test_a_mask_whose_frames_deadline_has_passed_is_counted_and_not_published() -> None:
    mailbox: Mailbox[ModelFrame] = Mailbox()
    worker, clock = FakeWorker(), VirtualClock()
    async with loop_of(mailbox, worker, clock) as masks:
        mailbox.put(frame(0, clock.monotonic_ns()))
        picture, answer = await worker.next_picture()
        await clock.advance(0.251)
        answer.set_result(result_of(picture))
        await until(lambda: masks.drops["late"] == 1)
        assert masks.frames_masked == 0


@pytest.mark.hazard("H9")
async def test_a_mask_that_was_answered_just_before_a_reset_is_not_published_after_it() -> None:
    mailbox: Mailbox[ModelFrame] = Mailbox()
    worker, clock = FakeWorker(), VirtualClock()
    async with loop_of(mailbox, worker, clock) as masks:
        mailbox.put(frame(0, clock.monotonic_ns()))
        picture, answer = await worker.next_picture()
        answer.set_result(result_of(picture))
        masks.forget()
        await until(lambda: masks.frames_masked + masks.drops.total() == 1)
        assert masks.drops == {"reset": 1}
