"""Keeps one worker process running.

A process that dies is noticed by the end of its stream, one that hangs by the watchdog; either way
a new one is started after a pause that grows with each failure and shrinks back after a time of
good health. A process that cannot even start is not tried for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from server.errors import UnsupportedMessageError, WorkerLostError, WorkerStartError
from server.settings import WorkerSettings
from server.worker.process import WorkerProcess
from server.worker.protocol import (
    Capacity,
    Configure,
    Demand,
    Dropped,
    Failed,
    FromWorker,
    Hello,
    MemoryRead,
    Ping,
    Pixels,
    Pong,
    Ready,
    Result,
    Step,
    StepFailed,
    ToWorker,
)
from server.worker.state import WorkerState, WorkerStatus
from server.worker.watchdog import Verdict, Watchdog, WatchdogLimits

GOOD_HEALTH_NS = 30_000_000_000
"""A worker that was ready for this long restarts without a grown pause."""
FIGURES_EVERY_NS = 2_000_000_000
"""A busy worker proves itself by its work and needs no ping, but a pong also tells its memory."""

_log = structlog.get_logger(__name__)


@dataclass
class _Life:
    """One process: what is known of it while it runs."""

    process: WorkerProcess
    watchdog: Watchdog
    ready_at_ns: int | None = None
    verdict: str = ""
    refusal: str = ""


class WorkerSupervisor:
    """Owner of the worker process. Used from one event loop."""

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        deadline_ms: int,
        now_ns: Callable[[], int],
        on_message: Callable[[FromWorker], None],
        on_status: Callable[[WorkerStatus], None],
    ) -> None:
        """Start nothing yet.

        Args:
            settings: What to run and how patient to be.
            deadline_ms: Age at which a picture is not worth computing any more.
            now_ns: Monotonic clock.
            on_message: Called with every answer to a step.
            on_status: Called after every change of `status`.
        """
        self._settings = settings
        self._configuration = Configure(
            model=settings.model,
            weights=settings.weights,
            device=settings.device,
            threads=settings.threads,
            max_batch=settings.max_batch,
            deadline_ms=deadline_ms,
            demand=Demand(
                fps=settings.nominal_fps,
                within_ms=settings.serve_within_ms,
                headroom=settings.headroom,
            ),
            measure_s=settings.measure_s,
        )
        self._now_ns = now_ns
        self._on_message = on_message
        self._on_status = on_status
        self._life: _Life | None = None
        self._task: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self._nonce = 0
        self.status = WorkerStatus(WorkerState.STOPPED)
        self.hello: Hello | None = None
        self.capacity: Capacity | None = None
        self.pong: Pong | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Process id of the worker that runs now."""
        return None if self._life is None else self._life.process.pid

    def start(self) -> None:
        """Begin to keep a worker running, in a task."""
        self._task = asyncio.create_task(self._keep_running(), name="worker supervisor")

    async def aclose(self) -> None:
        """End the worker and the task."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None
        self._move(WorkerState.STOPPED)

    async def wait_until_loaded(self) -> Hello:
        """Return once a worker has loaded its weights.

        Raises:
            WorkerStartError: No worker can start; the line tells why.
        """
        while self.hello is None:
            if self.status.state is WorkerState.FAILED:
                raise WorkerStartError(self.status.reason)
            self._settled.clear()
            await self._settled.wait()
        return self.hello

    def post(self, message: ToWorker) -> None:
        """Send a small message, without waiting, to the worker that is ready; else do nothing."""
        if self._life is not None and self.status.state is WorkerState.READY:
            self._life.process.channel.post(message)

    async def send_step(self, message: Step, rgb: Pixels) -> None:
        """Send a picture.

        Raises:
            WorkerLostError: No worker is ready, or it was lost meanwhile.
        """
        life = self._life
        if life is None or self.status.state is not WorkerState.READY:
            raise WorkerLostError("no AI worker is ready")
        life.watchdog.note_step_sent(self._now_ns())
        try:
            await life.process.channel.send(message, rgb)
        except ConnectionError as exc:
            raise WorkerLostError("the AI worker was lost") from exc

    async def _keep_running(self) -> None:
        """Start processes until one cannot start."""
        failed_starts = 0
        delay_ms = self._settings.restart_delay_ms
        while True:
            try:
                life, reason = await self._live()
            except OSError as exc:
                self._move(WorkerState.FAILED, f"the AI worker cannot be started: {exc}")
                return
            lived_ns = 0 if life.ready_at_ns is None else self._now_ns() - life.ready_at_ns
            failed_starts = 0 if life.ready_at_ns is not None else failed_starts + 1
            is_first_refusal = bool(life.refusal) and self.restarts == 0
            if is_first_refusal or failed_starts >= self._settings.max_start_failures:
                _log.error("worker_given_up", reason=reason, failed_starts=failed_starts)
                self._move(WorkerState.FAILED, reason)
                return
            if lived_ns >= GOOD_HEALTH_NS:
                delay_ms = self._settings.restart_delay_ms
            _log.warning("worker_lost", reason=reason, restart_delay_ms=delay_ms)
            self._move(WorkerState.LOST, f"worker lost ({reason}), restarting")
            await asyncio.sleep(delay_ms / 1e3)
            delay_ms = min(2 * delay_ms, self._settings.restart_delay_max_ms)
            self.restarts += 1

    async def _live(self) -> tuple[_Life, str]:
        """Run one process to its end; return it and the reason of its end."""
        self._move(WorkerState.STARTING, "starting the AI")
        limits = WatchdogLimits(
            start_timeout_s=self._settings.start_timeout_s,
            step_timeout_s=self._settings.step_timeout_s,
            ping_interval_ms=self._settings.ping_interval_ms,
            ping_timeout_ms=self._settings.ping_timeout_ms,
        )
        process = await WorkerProcess.spawn()
        life = _Life(process, Watchdog(limits, self._now_ns()))
        self._life = life
        _log.info("worker_started", pid=process.pid)
        watching = asyncio.create_task(self._watch(life), name="worker watchdog")
        try:
            process.channel.post(
                self._configuration.model_copy(update={"known_capacity": self.capacity})
            )
            await self._listen(life)
        except UnsupportedMessageError as exc:
            life.verdict = str(exc)
        finally:
            watching.cancel()
            self._life = None
            self.pong = None
            ending = await process.aclose()
        return life, life.refusal or life.verdict or ending

    async def _listen(self, life: _Life) -> None:
        """Take messages until the stream ends."""
        while (message := await life.process.channel.receive_by_service()) is not None:
            now_ns = self._now_ns()
            match message:
                case Hello():
                    self.hello = message
                    _log.info("worker_loaded", name=message.name, device=message.device)
                    self._move(WorkerState.WARMING, "warming up the AI")
                case Ready():
                    life.ready_at_ns = now_ns
                    life.watchdog.note_ready(now_ns)
                    self._welcome(message)
                case Failed():
                    life.refusal = message.message
                case Pong():
                    life.watchdog.note_pong(now_ns)
                    self.pong = message
                case Dropped(cause="replaced" | "reset"):
                    life.watchdog.note_step_withdrawn()
                    self._on_message(message)
                case MemoryRead():
                    self._on_message(message)
                case Result() | Dropped() | StepFailed():
                    life.watchdog.note_step_answered(now_ns)
                    self._on_message(message)

    def _welcome(self, message: Ready) -> None:
        """Take over what a worker measured; one that is too slow says so for good."""
        capacity = self.capacity = message.capacity
        _log.info(
            "worker_ready",
            warm_up_s=message.warm_up_s,
            sessions=capacity.sessions,
            batch=capacity.batch,
            explanation=capacity.explanation,
        )
        if capacity.sessions == 0:
            _log.warning("worker_slow", fps_alone=capacity.fps_alone)
        self._move(WorkerState.READY, _shortfall(capacity))

    async def _watch(self, life: _Life) -> None:
        """Ping, and kill a process that hangs; its stream then ends."""
        pinged_ns = self._now_ns()
        while True:
            await asyncio.sleep(self._settings.ping_interval_ms / 2e3)
            now_ns = self._now_ns()
            verdict, reason = life.watchdog.check(now_ns)
            is_ready = life.ready_at_ns is not None
            if verdict is Verdict.PING or (is_ready and now_ns - pinged_ns >= FIGURES_EVERY_NS):
                pinged_ns = now_ns
                self._nonce += 1
                life.process.channel.post(Ping(nonce=self._nonce))
            elif verdict is Verdict.KILL:
                life.verdict = reason
                life.process.kill()
                return

    def _move(self, state: WorkerState, reason: str = "") -> None:
        """Change the status and say so."""
        self.status = self.status.moved(state, reason)
        self._settled.set()
        self._on_status(self.status)


def _shortfall(capacity: Capacity) -> str:
    """Say what people miss on a machine that is too slow for every picture; else nothing."""
    fps, fps_alone = capacity.demand.fps, capacity.fps_alone
    if fps_alone >= fps:
        return ""
    return f"this machine is slow: about {fps_alone:g} of {fps:g} pictures a second"
