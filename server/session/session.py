"""One session: a source, its viewers, and its masks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from server.errors import SessionNotFoundError
from server.masks.hub import MaskHub
from server.masks.message import AiStateName, RetryFacts, StateMessage
from server.media.clock import Clock
from server.media.frame import ModelFrame, SourceState
from server.media.mailbox import Mailbox
from server.media.push import PushStatus
from server.media.region import RegionChoice
from server.media.sight import Sight
from server.media.source import SourceSpec
from server.observability.metrics import ServiceMetrics
from server.observability.traces import FrameTraces
from server.session.ai_state import AiMonitor, AiState, AiStatus
from server.session.findings import SessionFindings
from server.session.identity import SessionIdentity, SessionLimits
from server.session.mask_loop import MODEL_SIZE, MaskLoop
from server.session.memory_view import MemoryView
from server.session.peers import SessionPeers
from server.session.ports import MaskWorker, MediaFactory, MediaOrder, Pipeline
from server.session.state import SessionState, moved
from server.worker.state import WorkerState, WorkerStatus

_TICK_S = 0.05
_BEHIND_S = 0.001
"""How far behind a deadline it is looked at, so that it has passed by then."""

_log = structlog.get_logger(__name__)


class Session:
    """Owner of one source, its viewers, its hub and its place in the worker.

    Used from one event loop. Its video goes on whatever happens to its masks.
    """

    def __init__(
        self,
        identity: SessionIdentity,
        *,
        limits: SessionLimits,
        worker: MaskWorker,
        create_media: MediaFactory,
        clock: Clock,
        metrics: ServiceMetrics,
        traces: FrameTraces | None = None,
    ) -> None:
        """Make the parts; `start` starts them."""
        self.identity = identity
        self._worker = worker
        self._clock = clock
        self._metrics = metrics
        self._state = SessionState.CREATED
        self._monitor = AiMonitor(limits.ai)
        self._ai = AiStatus(AiState.WARMING)
        self._reader_drops: Counter[str] = Counter()
        self._mirrored: Counter[str] = Counter()
        self._source_state: SourceState | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.hub = MaskHub(
            StateMessage(
                ai_state="warming", ai_reason="", source_state="connecting", source_reason=""
            ),
            limits=limits.hub,
            now_ns=clock.monotonic_ns,
            count_drop=self._count_reader_drop,
        )
        self._mailbox: Mailbox[ModelFrame] = Mailbox()
        media = create_media(
            MediaOrder(
                identity.spec, identity.pushes, identity.region, self._mailbox, self.hub, self
            )
        )
        self.memory = MemoryView(identity.id, worker, now_ns=clock.monotonic_ns)
        self._pipeline, self._viewers = media.pipeline, media.viewers
        self._outputs = media.outputs
        self.findings = SessionFindings(
            limits.findings,
            self.hub,
            born=(identity.created_at, clock.monotonic_ns()),
            model_size=MODEL_SIZE,
            metrics=metrics,
        )
        self.peers = SessionPeers(
            self._pipeline,
            self._viewers,
            max_viewers=limits.max_viewers,
            require_open=self._require_open,
        )
        self._masks = MaskLoop(
            identity.id,
            self._mailbox,
            worker=worker,
            hub=self.hub,
            findings=self.findings,
            monitor=self._monitor,
            publish_state=self._publish_state,
            max_age_ms=limits.hub.max_age_ms,
            clock=clock,
            metrics=metrics,
            traces=traces,
        )

    @property
    def state(self) -> SessionState:
        """Where the session stands in its life."""
        return self._state

    @property
    def ai(self) -> AiStatus:
        """What the AI does right now."""
        return self._ai

    @property
    def source_retry(self) -> RetryFacts | None:
        """The attempt to connect the source that is under way or comes next, as people see it."""
        retry = self._pipeline.retry
        if retry is None:
            return None
        left_ns = max(0, retry.at_ns - self._clock.monotonic_ns())
        return RetryFacts(attempt=retry.attempt, in_s=-(-left_ns // 1_000_000_000))

    def now_ns(self) -> int:
        """Return the time on the clock that stamps the frames."""
        return self._clock.monotonic_ns()

    @property
    def pipeline(self) -> Pipeline:
        """The session's video."""
        return self._pipeline

    @property
    def pushes(self) -> list[PushStatus]:
        """Where each push of its video stands."""
        return self._outputs.pushes

    @property
    def frames_masked(self) -> int:
        """Frames whose mask was ready in time."""
        return self._masks.frames_masked

    @property
    def drops(self) -> dict[str, int]:
        """What was skipped on purpose, by cause; causes that never happened are left out."""
        total = Counter(self._pipeline.drops) + Counter(self._outputs.drops)
        total += self._masks.drops + self._reader_drops
        return dict(sorted(total.items()))

    async def start(self) -> None:
        """Start the source and the mask loop."""
        self._state = moved(self._state, SessionState.OPEN)
        self._worker.open(self.identity.id)
        self._worker.add_listener(self._on_worker)
        self._on_worker(self._worker.status)
        await self._pipeline.start()
        self._outputs.start()
        self._tasks = [
            asyncio.create_task(self._guard(self._masks.run), name="mask loop"),
            asyncio.create_task(self._guard(self._tick), name="session tick"),
        ]
        _log.info("session_opened", session=self.identity.id, source=self.identity.spec.kind)

    async def aclose(self) -> None:
        """End viewers, source and masks. Calling it again does nothing."""
        if self._state is not SessionState.OPEN:
            return
        self._state = moved(self._state, SessionState.CLOSING)
        self._worker.remove_listener(self._on_worker)
        self.hub.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.findings.aclose()
        self._worker.close(self.identity.id)
        await self._viewers.aclose()
        await self._outputs.aclose()
        await self._pipeline.aclose()
        self._mailbox.close()
        self.memory.forget()
        self._mirror_counters()
        self._state = moved(self._state, SessionState.CLOSED)
        _log.info("session_closed", session=self.identity.id)

    async def change(self, name: str, spec: SourceSpec | None) -> None:
        """Give the session another name or another source. Viewers stay connected.

        Args:
            name: For people; empty keeps the name, unless that was the last source's label.
            spec: Where the video comes from from now on, found to have video; None keeps it.
        """
        self._require_open()
        identity = self.identity
        if spec is not None and identity.name == identity.spec.label:
            name = name or spec.label
        self.identity = replace(identity, name=name or identity.name, spec=spec or identity.spec)
        if spec is not None:
            _log.info("source_changed", session=identity.id, source=spec.kind)
            await self._pipeline.change_source(spec)

    def reset(self) -> None:
        """Empty the memory: a new patient. Frames from before this moment are not computed."""
        self._require_open()
        self._masks.forget_until_now()
        self.findings.clear()
        self.memory.forget()
        self._metrics.bank_resets.labels("operator").inc()
        _log.info("memory_reset", session=self.identity.id, reason="operator")

    def choose_region(self, choice: RegionChoice) -> None:
        """Give the AI another part of the picture; its memory is emptied if that is another one.

        Raises:
            RegionError: The rectangle lies outside the picture.
        """
        self._require_open()
        self._pipeline.choose_region(choice)
        _log.info("region_chosen", session=self.identity.id, mode=choice.mode)

    # What the media half tells (MediaEvents).

    def on_state(self, state: SourceState, reason: str) -> None:
        """Follow the source."""
        if state is not self._source_state:
            self._source_state = state
            if state is SourceState.RECONNECTING:
                self._metrics.source_reconnects.inc()
            _log.info("source_state", session=self.identity.id, state=state.value)
        retry = self._pipeline.retry
        if retry is not None and retry.attempt.bit_count() == 1:
            # Powers of two: a camera that stays away would else fill the log.
            _log.info("source_retry", session=self.identity.id, attempt=retry.attempt)
        self._monitor.note_source(state, reason)
        self._publish_state()

    def on_arrival(self) -> None:
        """A mask is due from now on, whether or not the picture reaches the AI."""
        self._monitor.note_frame(self._clock.monotonic_ns())
        self._metrics.frames_received.inc()

    def on_discontinuity(self, reason: str) -> None:
        """Empty the memory before what comes next is computed."""
        if self._state is SessionState.OPEN:
            self._masks.forget()
            self.memory.forget()
            self._metrics.bank_resets.labels(reason).inc()
            _log.info("memory_reset", session=self.identity.id, reason=reason)

    def on_sight(self, sight: Sight) -> None:
        """Follow what the pictures show, and how well."""
        _log.info("view", session=self.identity.id, view=sight.view.value, poor=sight.poor)
        self._monitor.note_sight(sight)
        self._publish_state()

    def on_size(self, pts: int, width: int, height: int) -> None:
        """Tell readers which size pictures have from this one on."""
        self.hub.publish_size(pts, (height, width))

    def on_origin(self, viewer_id: str, rtp_origin: int) -> None:
        """Pass a viewer's RTP origin to its reader."""
        self.hub.publish_origin(viewer_id, rtp_origin)

    async def _tick(self) -> None:
        """Look at the clock, and at what the pipeline counted."""
        last_ns = self._clock.monotonic_ns()
        while True:
            self._mirror_counters()
            self._publish_state()
            await asyncio.sleep(self._pause_s())
            last_ns = self._count_hidden(last_ns)

    def _pause_s(self) -> float:
        """Until the next tick: it comes sooner where the AI would be late before it."""
        now_ns = self._clock.monotonic_ns()
        late_at_ns = self._monitor.late_at_ns(now_ns)
        if late_at_ns is None:
            return _TICK_S
        return min(_TICK_S, (late_at_ns - now_ns) / 1e9 + _BEHIND_S)

    async def _guard(self, work: Callable[[], Awaitable[None]]) -> None:
        """On a fault of ours, end the session's masks and nothing else."""
        try:
            await work()
        except Exception as exc:  # noqa: BLE001 - the one place; a fault ends the masks
            _log.exception("session_fault", session=self.identity.id)
            self._monitor.note_fault(f"internal fault ({type(exc).__name__})")
            self._publish_state()

    def _publish_state(self) -> AiStateName:
        """Tell readers the state, if it changed."""
        before, self._ai = self._ai, self._monitor.evaluate(self._clock.monotonic_ns())
        name: AiStateName = self._ai.state.value
        if before.state is not self._ai.state:
            _log.info("ai_state", session=self.identity.id, state=name)
        sight = self._pipeline.sight
        self.hub.publish_state(
            StateMessage(
                ai_state=name,
                ai_reason=self._ai.reason,
                source_state=self._pipeline.state.value,
                source_reason=self._pipeline.reason,
                source_retry=self.source_retry,
                view=sight.view.value,
                view_poor=None if sight.poor is None else sight.poor.value,
                view_instrument=sight.instrument,
            )
        )
        return name

    def _count_hidden(self, since_ns: int) -> int:
        """Count the time since then if the AI had nothing to show; return the time now."""
        now_ns = self._clock.monotonic_ns()
        if self._ai.state is not AiState.ACTIVE:
            hidden = self._metrics.overlay_hidden.labels(self._ai.state.value)
            hidden.inc((now_ns - since_ns) / 1e9)
        return now_ns

    def _on_worker(self, status: WorkerStatus) -> None:
        """Follow the worker; another one begins with empty memories."""
        if status.state is not WorkerState.READY:
            self.memory.forget()
        self._monitor.note_worker(status)
        self._publish_state()

    def _require_open(self) -> None:
        """Refuse what comes after the end."""
        if self._state is not SessionState.OPEN:
            raise SessionNotFoundError("the session has ended")

    def _count_reader_drop(self, cause: str) -> None:
        """Count a mask message that a reader was not sent."""
        self._reader_drops[cause] += 1

    def _mirror_counters(self) -> None:
        """Carry what was counted since the last time into the metrics."""
        drops = Counter(self.drops)
        for cause, number in (drops - self._mirrored).items():
            self._metrics.drops.labels(cause).inc(number)
        self._mirrored = drops
