"""The loop with a mailbox whose frames a test hands over one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from server.masks.hub import HubLimits, MaskHub
from server.masks.message import StateMessage
from server.media.frame import ModelFrame
from server.media.mailbox import Mailbox
from server.observability.metrics import ServiceMetrics
from server.observability.traces import FrameTraces
from server.session.ai_state import AiLimits, AiMonitor
from server.session.findings import FindingRules, SessionFindings
from server.session.mask_loop import MODEL_SIZE, MaskLoop
from tests.fakes.fake_worker import FakeWorker, result_of
from tests.fakes.virtual_clock import VirtualClock


class ScriptedMailbox(Mailbox[ModelFrame]):
    """Calls what the test wants to happen in the turn of the loop in which a frame is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.when_taken: Callable[[], None] = lambda: None

    async def get(self) -> ModelFrame:
        frame = await super().get()
        asyncio.get_running_loop().call_soon(self.when_taken)
        return frame


def frame(sequence: int, captured_at_ns: int) -> ModelFrame:
    return ModelFrame(
        sequence=sequence,
        pts=3600 * sequence,
        captured_at_ns=captured_at_ns,
        source_size=(480, 640),
        region=(0, 0, 640, 480),
        rgb=bytes(352 * 352 * 3),
    )


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - any condition of any object
            await asyncio.sleep(0)


@asynccontextmanager
async def loop_of(
    mailbox: Mailbox[ModelFrame],
    worker: FakeWorker,
    clock: VirtualClock,
    monitor: AiMonitor | None = None,
    traces: FrameTraces | None = None,
) -> AsyncIterator[MaskLoop]:
    worker.open("s")
    metrics = ServiceMetrics()
    hub = MaskHub(
        StateMessage(ai_state="warming", ai_reason="", source_state="playing", source_reason=""),
        limits=HubLimits(),
        now_ns=clock.monotonic_ns,
        count_drop=lambda cause: None,
    )
    masks = MaskLoop(
        "s",
        mailbox,
        worker=worker,
        hub=hub,
        findings=SessionFindings(
            FindingRules(),
            hub,
            born=(datetime.now(UTC), clock.monotonic_ns()),
            model_size=MODEL_SIZE,
            metrics=metrics,
        ),
        monitor=monitor or AiMonitor(AiLimits()),
        publish_state=lambda: "active",
        max_age_ms=250,
        clock=clock,
        metrics=metrics,
        traces=traces,
    )
    running = asyncio.create_task(masks.run())
    try:
        yield masks
    finally:
        mailbox.close()
        async with asyncio.timeout(30):
            await running


async def test_a_frame_taken_just_before_a_discontinuity_is_not_computed_after_it() -> None:
    mailbox, worker, clock = ScriptedMailbox(), FakeWorker(), VirtualClock()
    async with loop_of(mailbox, worker, clock) as masks:
        mailbox.when_taken = masks.forget
        mailbox.put(frame(0, clock.monotonic_ns()))
        await until(lambda: worker.epochs["s"] == 1)
        mailbox.when_taken = lambda: None
        mailbox.put(frame(1, clock.monotonic_ns()))
        picture, answer = await worker.next_picture()
        assert picture.sequence == 1
        assert masks.drops == {"reset": 1}
        answer.set_result(result_of(picture))


async def test_a_frame_taken_without_one_is_computed() -> None:
    mailbox, worker, clock = ScriptedMailbox(), FakeWorker(), VirtualClock()
    async with loop_of(mailbox, worker, clock) as masks:
        mailbox.put(frame(0, clock.monotonic_ns()))
        picture, answer = await worker.next_picture()
        assert picture.sequence == 0
        answer.set_result(result_of(picture))
        await until(lambda: masks.frames_masked == 1)
        assert not masks.drops
