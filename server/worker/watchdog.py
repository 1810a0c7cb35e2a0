"""Whether a worker hangs. Pure: the caller brings the time.

An idle worker must answer pings. A busy one must finish steps: its thread holds the processor, so
a late pong would prove nothing. One that is starting only has to be ready in time. If the caller
itself was held up, the answers may lie unread, and the worker is given another term.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000


class Verdict(Enum):
    """What to do now."""

    WAIT = "wait"
    PING = "ping"
    KILL = "kill"


@dataclass(frozen=True)
class WatchdogLimits:
    """How long is too long."""

    start_timeout_s: float
    step_timeout_s: float
    ping_interval_ms: int
    ping_timeout_ms: int


class Watchdog:
    """Watches one worker process from its start to its end."""

    def __init__(self, limits: WatchdogLimits, now_ns: int) -> None:
        """Start watching a process that was just started."""
        self._limits = limits
        self._started_ns = now_ns
        self._checked_ns = now_ns
        self._progress_ns = now_ns
        self._pinged_ns: int | None = None
        self._is_ready = False
        self._steps = 0

    @property
    def is_busy(self) -> bool:
        """Whether steps are unanswered."""
        return self._steps > 0

    def note_ready(self, now_ns: int) -> None:
        """The worker is warm."""
        self._is_ready = True
        self._progress_ns = now_ns

    def note_step_sent(self, now_ns: int) -> None:
        """A picture was sent."""
        if self._steps == 0:
            self._progress_ns = now_ns
        self._steps += 1

    def note_step_answered(self, now_ns: int) -> None:
        """A picture was computed, or given up by who decides what to compute next."""
        self.note_step_withdrawn()
        self._progress_ns = now_ns

    def note_step_withdrawn(self) -> None:
        """A picture was replaced or reset: no progress, as that is said while a step hangs too."""
        self._steps = max(0, self._steps - 1)
        self._pinged_ns = None

    def note_pong(self, now_ns: int) -> None:
        """A ping was answered."""
        self._pinged_ns = None
        if not self.is_busy:
            self._progress_ns = now_ns

    def check(self, now_ns: int) -> tuple[Verdict, str]:
        """Decide; call it a few times in each ping interval. PING means: a ping goes out now.

        Returns:
            The verdict, and for KILL one line why.
        """
        held_up_ns = now_ns - self._checked_ns
        self._checked_ns = now_ns
        if held_up_ns > self._limits.ping_timeout_ms * _NS_PER_MS // 2:
            self._grant_another_term(held_up_ns)
        if not self._is_ready:
            if now_ns - self._started_ns > self._limits.start_timeout_s * _NS_PER_S:
                return Verdict.KILL, f"not ready after {self._limits.start_timeout_s:g} s"
            return Verdict.WAIT, ""
        if self.is_busy:
            if now_ns - self._progress_ns > self._limits.step_timeout_s * _NS_PER_S:
                return Verdict.KILL, f"no progress for {self._limits.step_timeout_s:g} s"
            return Verdict.WAIT, ""
        if self._pinged_ns is None:
            if now_ns - self._progress_ns >= self._limits.ping_interval_ms * _NS_PER_MS:
                self._pinged_ns = now_ns
                return Verdict.PING, ""
        elif now_ns - self._pinged_ns > self._limits.ping_timeout_ms * _NS_PER_MS:
            return Verdict.KILL, f"silent for {self._limits.ping_timeout_ms} ms"
        return Verdict.WAIT, ""

    def _grant_another_term(self, held_up_ns: int) -> None:
        """Do not count the time in which we could not listen."""
        self._started_ns += held_up_ns
        self._progress_ns += held_up_ns
        if self._pinged_ns is not None:
            self._pinged_ns += held_up_ns
