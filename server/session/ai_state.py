"""What the AI does right now, as people are told.

    warming   no worker is ready yet, or no frame came yet
    active    masks come
    late      frames come, but no mask in time, or none of them reaches the model
    paused    nothing to work on: no pictures, or none that masks belong on
    failed    the worker is lost

Pure: facts come in with their time, `evaluate` tells the state. A state is held until the facts
speak against it, so it does not flicker between the first frame and the first mask, nor under a
load at which only a mask now and then is in time.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from server.media.frame import SourceState
from server.media.sight import Sight
from server.session.mask_rate import MaskRate
from server.worker.state import WorkerState, WorkerStatus

_NS_PER_MS = 1_000_000
RECOVERY_MASKS = 3
"""Masks in time that end `late`."""

_MOST_OWED = 16
"""Frames remembered as owed, the oldest; a later mask pays for all of them."""

_FIRST_FRAME_MS = 1000
"""How much longer frames may stay away from the model while nothing was shown yet: the picture
region is looked for and a keyframe waited for, and `warming` promises no mask."""

_DEAD_SOURCES = (SourceState.ENDED, SourceState.FAILED)


class AiState(StrEnum):
    """The values are those of the wire protocol."""

    WARMING = "warming"
    ACTIVE = "active"
    LATE = "late"
    PAUSED = "paused"
    FAILED = "failed"


@dataclass(frozen=True)
class AiStatus:
    """A state and one line why; empty when the state says it all."""

    state: AiState
    reason: str = ""


@dataclass(frozen=True)
class AiLimits:
    """How long is too long."""

    late_after_ms: int = 300
    paused_after_ms: int = 500


class AiMonitor:
    """The facts about one session from which its AI state follows."""

    def __init__(self, limits: AiLimits) -> None:
        """Start knowing nothing: warming."""
        self._limits = limits
        self._worker = WorkerStatus(WorkerState.STOPPED)
        self._source = SourceState.CONNECTING
        self._source_reason = ""
        self._sight = Sight()
        self._last_frame_ns: int | None = None
        self._arrived_since_ns: int | None = None
        self._unmasked_since_ns: int | None = None
        self._owed_ns: deque[int] = deque()
        self._masks_in_time = 0
        self._rate = MaskRate()
        self._fault = ""
        self._status = AiStatus(AiState.WARMING)

    def note_worker(self, worker: WorkerStatus) -> None:
        """The worker changed; what it owed is forgiven."""
        self._worker = worker
        self._forget_debts()

    def note_source(self, state: SourceState, reason: str) -> None:
        """The source changed."""
        self._source = state
        self._source_reason = reason

    def note_sight(self, sight: Sight) -> None:
        """The pictures show something else than before, or that better or worse."""
        self._sight = sight

    def note_frame(self, now_ns: int, number: int = 1) -> None:
        """Frames arrived; a mask is due from now on, whether or not they reach the model."""
        self._rate.note_frames(now_ns, number)
        self._last_frame_ns = now_ns
        if self._arrived_since_ns is None:
            self._arrived_since_ns = now_ns

    def note_taken(self, captured_at_ns: int) -> None:
        """A frame is handed to the worker; from its capture on, a mask is owed."""
        self._last_frame_ns = max(self._last_frame_ns or 0, captured_at_ns)
        if self._unmasked_since_ns is None:
            self._unmasked_since_ns = captured_at_ns
        if len(self._owed_ns) < _MOST_OWED:
            self._owed_ns.append(captured_at_ns)

    def note_replaced(self, captured_at_ns: int) -> None:
        """The worker took a newer frame in place of this one, whose mask is not owed any more."""
        with suppress(ValueError):
            self._owed_ns.remove(captured_at_ns)

    def note_mask(self, captured_at_ns: int) -> None:
        """A mask came in time; frames captured after its own still owe theirs."""
        while self._owed_ns and self._owed_ns[0] <= captured_at_ns:
            self._owed_ns.popleft()
        self._arrived_since_ns = None
        self._unmasked_since_ns = None
        self._masks_in_time += 1
        self._rate.note_mask(captured_at_ns)

    def note_fault(self, reason: str) -> None:
        """The session itself broke; it will not mend."""
        self._fault = reason

    def evaluate(self, now_ns: int) -> AiStatus:
        """Return the status at `now_ns`."""
        self._status = self._judge(now_ns)
        return self._status

    def _judge(self, now_ns: int) -> AiStatus:
        """Take the first rule that applies: fault, worker, source, delay."""
        if self._fault:
            return AiStatus(AiState.FAILED, self._fault)
        if self._worker.state in (WorkerState.LOST, WorkerState.FAILED):
            return AiStatus(AiState.FAILED, self._worker.reason)
        if self._worker.state is not WorkerState.READY:
            return AiStatus(AiState.WARMING, self._worker.reason or "starting the AI")
        if self._last_frame_ns is None:
            return self._judge_without_frames()
        silence_ns = now_ns - self._last_frame_ns
        if self._source in _DEAD_SOURCES or silence_ns > self._limits.paused_after_ms * _NS_PER_MS:
            self._forget_debts()
            return AiStatus(AiState.PAUSED, self._source_reason or "no pictures from the source")
        if not self._sight.view.has_masks:
            self._forget_debts()
            return AiStatus(AiState.PAUSED, f"{self._sight.view.reason}: no masks")
        return self._judge_delay(now_ns)

    def _judge_without_frames(self) -> AiStatus:
        """Before the first frame: still waiting, or nothing to wait for."""
        reason = self._source_reason or "waiting for the first picture"
        if self._source in (SourceState.CONNECTING, SourceState.PLAYING):
            return AiStatus(AiState.WARMING, reason)
        return AiStatus(AiState.PAUSED, reason)

    def _judge_delay(self, now_ns: int) -> AiStatus:
        """While frames come and a worker is ready."""
        is_new = self._status.state in (AiState.WARMING, AiState.FAILED)
        late_after_ms = self._limits.late_after_ms
        if self._behind_ns(now_ns) > late_after_ms * _NS_PER_MS:
            return self._late("masks come too late to be shown")
        if is_new:
            late_after_ms += _FIRST_FRAME_MS
        if self._starving_ns(now_ns) > late_after_ms * _NS_PER_MS:
            return self._late("no picture reaches the AI")
        wanted = RECOVERY_MASKS if self._status.state is AiState.LATE else 1
        if self._masks_in_time >= wanted:
            reasons = (self._sight.reason, self._shortfall(now_ns) or self._worker.reason)
            return AiStatus(AiState.ACTIVE, "; ".join(filter(None, reasons)))
        if is_new:
            return AiStatus(AiState.WARMING, "waiting for the first mask")
        return self._status

    def late_at_ns(self, now_ns: int) -> int | None:
        """When the AI will be late, unless a mask comes before; None if that is not in sight."""
        limit_ns = self._limits.late_after_ms * _NS_PER_MS
        debts_ns = (self._arrived_since_ns, self._oldest_debt_ns())
        due_ns = [debt_ns + limit_ns for debt_ns in debts_ns if debt_ns is not None]
        return min((due for due in due_ns if due >= now_ns), default=None)

    def _late(self, reason: str) -> AiStatus:
        """Be late until masks come in time again."""
        self._masks_in_time = 0
        return AiStatus(AiState.LATE, reason)

    def _shortfall(self, now_ns: int) -> str:
        """Say so while many frames go without a mask."""
        shortfall = self._rate.shortfall(now_ns)
        if shortfall is None:
            return ""
        masks, frames = shortfall
        return f"masks for {masks} of {frames} pictures a second"

    def _starving_ns(self, now_ns: int) -> int:
        """How long frames have been arriving since the last mask."""
        return 0 if self._arrived_since_ns is None else now_ns - self._arrived_since_ns

    def _behind_ns(self, now_ns: int) -> int:
        """Age of the oldest frame that owes its mask, or of the first since the last mask."""
        oldest_ns = self._oldest_debt_ns()
        return 0 if oldest_ns is None else now_ns - oldest_ns

    def _oldest_debt_ns(self) -> int | None:
        debts_ns = (self._owed_ns[0] if self._owed_ns else None, self._unmasked_since_ns)
        return min((debt_ns for debt_ns in debts_ns if debt_ns is not None), default=None)

    def _forget_debts(self) -> None:
        """Wait for masks afresh."""
        self._arrived_since_ns = None
        self._unmasked_since_ns = None
        self._owed_ns.clear()
        self._masks_in_time = 0
        self._rate.forget()
