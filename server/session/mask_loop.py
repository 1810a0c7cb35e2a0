"""The loop that turns a session's newest frame into a mask, again and again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import structlog

from server.errors import WorkerLostError, WorkerStepError
from server.masks.hub import MaskHub, MaskRecord
from server.masks.message import AiStateName, RunLengths
from server.media.clock import Clock
from server.media.frame import ModelFrame
from server.media.mailbox import Mailbox, MailboxClosedError
from server.observability.metrics import ServiceMetrics
from server.observability.traces import FrameTraces, FrameWay, WorkerPart
from server.session.ai_state import AiMonitor
from server.session.findings import SessionFindings
from server.session.latency import LatencyWindow
from server.session.ports import MaskWorker
from server.worker.client import Picture
from server.worker.protocol import Dropped, Result

MODEL_SIZE = (352, 352)
"""Height and width of the pictures that the network takes, pixels."""

MAX_UNDER_WAY = 3
"""Pictures of a session at the worker: one being computed, one waiting for the next batch, and one
on its way that replaces it. With fewer, a picture would miss each batch that starts before the last
mask was here; the worker keeps the newest, so more would only be thrown away there."""

MASKED = "masked"
"""The outcome of a frame that is no drop."""

_NS_PER_MS = 1_000_000

_log = structlog.get_logger(__name__)


def picture_of(
    frame: ModelFrame,
    session: str,
    *,
    age_ms: float = 0.0,
    is_traced: bool = False,
    is_patient: bool = False,
) -> Picture:
    """Return what the worker is sent of a frame; `session` is the name of the stream there."""
    height, width = MODEL_SIZE
    return Picture(
        session=session,
        sequence=frame.sequence,
        height=height,
        width=width,
        rgb=frame.rgb,
        age_ms=age_ms,
        pts=frame.pts,
        is_left_out=frame.is_left_out,
        is_traced=is_traced,
        is_patient=is_patient,
    )


class MaskLoop:
    """Frames go to the worker as they come, at most `MAX_UNDER_WAY` of them are there at a time.

    Meanwhile the mailbox keeps the newest one only. A frame that is not masked is counted in
    `drops` with its cause.
    """

    def __init__(
        self,
        session: str,
        mailbox: Mailbox[ModelFrame],
        *,
        worker: MaskWorker,
        hub: MaskHub,
        findings: SessionFindings,
        monitor: AiMonitor,
        publish_state: Callable[[], AiStateName],
        max_age_ms: int,
        clock: Clock,
        metrics: ServiceMetrics,
        traces: FrameTraces | None = None,
    ) -> None:
        """Make the loop; `run` runs it.

        Args:
            session: The session's id, open in the worker.
            mailbox: Where the frames come from.
            worker: What computes them.
            hub: Where the masks go.
            findings: Follow their polyps.
            monitor: Told what was taken and what came in time.
            publish_state: Evaluates and publishes the AI state, and returns it.
            max_age_ms: Age at which a mask is no longer sent.
            clock: The clock that stamped the frames.
            metrics: Where ages and durations are noted.
            traces: Where the ways of single frames are written; None if they are not.
        """
        self._session = session
        self._mailbox = mailbox
        self._worker = worker
        self._hub = hub
        self._findings = findings
        self._monitor = monitor
        self._publish_state = publish_state
        self._max_age_ns = max_age_ms * _NS_PER_MS
        self._clock = clock
        self._metrics = metrics
        self._traces = traces
        self._last_sent = -1
        self._latency = LatencyWindow()
        self._not_before_ns = 0
        self._generation = 0
        self.frames_masked = 0
        self.drops: Counter[str] = Counter()

    async def run(self) -> None:
        """Work until the mailbox is closed."""
        slots = asyncio.Semaphore(MAX_UNDER_WAY)
        try:
            async with asyncio.TaskGroup() as under_way:
                while True:
                    await self._worker.wait_until_ready()
                    await slots.acquire()
                    frame = await self._next_frame()
                    if frame is None:
                        return
                    task = under_way.create_task(self._mask(frame, self._generation))
                    task.add_done_callback(lambda _: slots.release())
        except ExceptionGroup as group:
            raise group.exceptions[0] from group

    async def _next_frame(self) -> ModelFrame | None:
        """Take the newest frame; None once the mailbox is closed."""
        try:
            return await self._mailbox.get()
        except MailboxClosedError:
            return None

    def forget(self) -> None:
        """Empty the session's memory and throw away the frames that are not at the worker yet."""
        self._generation += 1
        self._mailbox.discard()
        self._worker.reset(self._session)
        self._findings.begin_epoch()

    def forget_until_now(self) -> None:
        """Forget, and compute no frame that was captured before this moment."""
        self._not_before_ns = self._clock.monotonic_ns()
        self.forget()

    async def _mask(self, frame: ModelFrame, generation: int) -> None:
        """Have one frame computed, unless the memory was emptied since it left the mailbox."""
        if generation != self._generation or frame.captured_at_ns < self._not_before_ns:
            self.drops["reset"] += 1
            return
        self._monitor.note_taken(frame.captured_at_ns)
        age_ns = self._age_ns(frame)
        if age_ns > self._max_age_ns:
            self.drops["late"] += 1
            return
        picture = picture_of(
            frame,
            self._session,
            age_ms=age_ns / _NS_PER_MS,
            is_traced=self._is_traced(frame.sequence),
        )
        answer: Result | Dropped | None = None
        answered_age_ns = age_ns
        try:
            self._metrics.stage.labels("media").observe(age_ns / 1e9)
            answer = await self._worker.step(picture)
        except WorkerLostError:
            outcome = "worker_lost"
        except WorkerStepError as exc:
            _log.warning("step_failed", session=self._session, reason=str(exc))
            outcome = "step_failed"
        else:
            answered_age_ns = self._age_ns(frame)
            is_current = generation == self._generation
            outcome = self._take(frame, answer, age_ns) if is_current else "reset"
        if outcome != MASKED:
            self.drops[outcome] += 1
        if picture.is_traced:
            self._trace(frame, answer, (age_ns, answered_age_ns), outcome)

    def _is_traced(self, sequence: int) -> bool:
        """Whether this frame's way is written down."""
        if self._traces is None:
            return False
        last, self._last_sent = self._last_sent, sequence
        return self._traces.is_chosen(sequence, last)

    def _trace(
        self,
        frame: ModelFrame,
        answer: Result | Dropped | None,
        ages_ns: tuple[int, int],
        outcome: str,
    ) -> None:
        """Write a frame's way down; it was sent to the worker and answered at these ages."""
        if self._traces is None:
            return
        told = answer.trace if isinstance(answer, Result) else None
        sent_age_ns, answered_age_ns = ages_ns
        self._traces.write(
            FrameWay(
                session=self._session,
                sequence=frame.sequence,
                pts=frame.pts,
                captured_at_ns=frame.captured_at_ns,
                sent_at_ns=frame.captured_at_ns + sent_age_ns,
                answered_at_ns=frame.captured_at_ns + max(sent_age_ns, answered_age_ns),
                ended_at_ns=self._clock.monotonic_ns(),
                outcome=outcome,
                worker=None
                if told is None or not isinstance(answer, Result)
                else WorkerPart(
                    told.began_ms, told.computed_ms, told.finished_ms, batch=answer.batch
                ),
            )
        )

    def _take(self, frame: ModelFrame, answer: Result | Dropped, sent_age_ns: int) -> str:
        """Publish a mask, unless there is none or it is too old; return what became of it."""
        if isinstance(answer, Dropped):
            if answer.cause == "replaced":
                self._monitor.note_replaced(frame.captured_at_ns)
            return answer.cause
        age_ns = self._age_ns(frame)
        self._metrics.step.observe(answer.step_ms / 1e3)
        self._metrics.stage.labels("worker").observe((age_ns - sent_age_ns) / 1e9)
        self._metrics.mask_age.observe(age_ns / 1e9)
        if age_ns > self._max_age_ns:
            return "late"
        self.frames_masked += 1
        self._metrics.frames_masked.inc()
        self._monitor.note_mask(frame.captured_at_ns)
        self._hub.publish_mask(self._record(frame, answer, age_ns))
        return MASKED

    def _record(self, frame: ModelFrame, result: Result, age_ns: int) -> MaskRecord:
        """Put a mask and its frame together."""
        now_ns = self._clock.monotonic_ns()
        self._latency.add(now_ns, age_ns)
        judged = self._findings.judge(frame, result)
        return MaskRecord(
            sequence=frame.sequence,
            pts=frame.pts,
            captured_at_ns=frame.captured_at_ns,
            source_size=frame.source_size,
            region=frame.region,
            rle=RunLengths(size=result.size, counts=result.counts),
            confirmed_rle=judged.confirmed_rle,
            drawn_rle=judged.drawn_rle,
            polyps=judged.polyps,
            ai_state=self._publish_state(),
            latency_p95_ms=self._latency.p95_ms(now_ns),
        )

    def _age_ns(self, frame: ModelFrame) -> int:
        """Return how long ago the frame arrived."""
        return self._clock.monotonic_ns() - frame.captured_at_ns
