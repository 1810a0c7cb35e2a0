"""Which pictures are computed next. Pure: no clock, no device, no input or output.

Every session has one waiting picture, the newest. Sessions take turns: who was served longest ago
comes first, also within a batch, so that none is served twice while another waits.

A picture past its deadline is dropped, and so is one that cannot be ready by it. A batch that could
be larger is held back for pictures that are about to come, never longer than `HOLD_NS` after its
first picture arrived.

Patient pictures (of a video that is reviewed, not lived) have no deadline and give way to all
others: one is computed alone, when no other picture waits and none is about to come before it would
be done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.worker.protocol import DropCause, Pixels
from server.worker.step_times import StepTimes

HOLD_NS = 2_000_000
"""Longest time a picture waits for company while the device is free."""

PROBE_NS = 1_000_000_000
"""Without any batch for this long, a picture is computed even if it seems hopeless: the device may
have become faster, and only a step can tell."""

JITTER_NS = 20_000_000
"""How much later than its rhythm says a picture may come and still find the device free."""

_LONGEST_INTERVAL_NS = 1_000_000_000
_SMOOTHING = 4


@dataclass(frozen=True)
class StepRequest:
    """One picture to compute; the times are read from the caller's clock.

    One that `is_patient` never expires.
    """

    session: str
    epoch: int
    sequence: int
    height: int
    width: int
    rgb: Pixels
    arrived_at_ns: int
    expires_at_ns: int
    pts: int = 0
    is_left_out: bool = False
    is_traced: bool = False
    is_patient: bool = False


@dataclass(frozen=True)
class DroppedRequest:
    """A picture that will not be computed."""

    request: StepRequest
    cause: DropCause


@dataclass(frozen=True)
class Batch:
    """Pictures of different sessions and equal size to compute together, and those given up.

    Without requests, `hold_until_ns` tells when to ask again though nothing may have come by then.
    """

    requests: tuple[StepRequest, ...]
    dropped: tuple[DroppedRequest, ...]
    hold_until_ns: int | None = None


@dataclass
class _Entry:
    """One session: its epoch, its waiting picture, its turn, and the rhythm of its pictures."""

    epoch: int
    turn: int
    waiting: StepRequest | None = None
    arrived_at_ns: int | None = None
    interval_ns: int | None = None

    def note_arrival(self, now_ns: int) -> None:
        """Follow the rhythm, smoothed; a pause is none."""
        if self.arrived_at_ns is not None:
            interval_ns = now_ns - self.arrived_at_ns
            if interval_ns > _LONGEST_INTERVAL_NS:
                self.interval_ns = None
            elif self.interval_ns is None:
                self.interval_ns = interval_ns
            else:
                self.interval_ns += (interval_ns - self.interval_ns) // _SMOOTHING
        self.arrived_at_ns = now_ns

    def is_expected(self, now_ns: int, until_ns: int) -> bool:
        """Whether a picture should come by then; one that is long overdue is not waited for."""
        if self.waiting is not None or self.arrived_at_ns is None or self.interval_ns is None:
            return False
        return now_ns - HOLD_NS <= self.arrived_at_ns + self.interval_ns <= until_ns

    def in_the_way_until_ns(self, now_ns: int, until_ns: int) -> int | None:
        """Return until when a picture may come that should not find the device busy; else None."""
        if self.arrived_at_ns is None or self.interval_ns is None:
            return None
        due_ns = self.arrived_at_ns + self.interval_ns
        return due_ns + JITTER_NS if now_ns - JITTER_NS < due_ns <= until_ns else None


class Scheduler:
    """The waiting pictures of all sessions. Owned by the worker's event loop."""

    def __init__(self, max_batch: int, times: StepTimes | None = None) -> None:
        """Start empty.

        Args:
            max_batch: Most pictures in one batch, at least 1.
            times: What a batch is expected to take; by default nothing is known.
        """
        self._max_batch = max_batch
        self._times = times or StepTimes()
        self._entries: dict[str, _Entry] = {}
        self._turn = 0
        self._taken_at_ns: int | None = None

    @property
    def waiting(self) -> int:
        """Number of waiting pictures."""
        return sum(entry.waiting is not None for entry in self._entries.values())

    def open(self, session: str, epoch: int) -> list[DroppedRequest]:
        """Add a session, or begin a new epoch of one; older pictures are given up."""
        dropped = self._give_up(session, "reset")
        self._entries[session] = _Entry(epoch, self._take_turn())
        return dropped

    def close(self, session: str) -> list[DroppedRequest]:
        """Remove a session; nothing happens if it is unknown."""
        dropped = self._give_up(session, "reset")
        self._entries.pop(session, None)
        return dropped

    def knows(self, session: str) -> bool:
        """Whether a session is open."""
        return session in self._entries

    def submit(self, request: StepRequest) -> list[DroppedRequest]:
        """Take a picture; an older waiting one of the session is replaced."""
        entry = self._entries.get(request.session)
        if entry is None or request.epoch != entry.epoch:
            return [DroppedRequest(request, "reset")]
        dropped = self._give_up(request.session, "replaced")
        entry.waiting = request
        if not request.is_patient:
            entry.note_arrival(request.arrived_at_ns)
        return dropped

    def next_batch(self, now_ns: int) -> Batch:
        """Take the next pictures, or tell how long to wait for more.

        Pictures of another size than the first one's wait for the next batch, and so do those that
        would make the batch too long for one that is in it.
        """
        dropped = self._drop_hopeless(now_ns)
        chosen: list[StepRequest] = []
        for request in self._in_turn():
            if len(chosen) < self._max_batch and self._fits(request, chosen, now_ns):
                chosen.append(request)
        hold_until_ns = self._hold_until(chosen, now_ns)
        if hold_until_ns is not None:
            return Batch((), tuple(dropped), hold_until_ns)
        if not chosen:
            patient = self._in_turn(is_patient=True)
            hold_until_ns = self._others_until(now_ns) if patient else None
            if hold_until_ns is not None:
                return Batch((), tuple(dropped), hold_until_ns)
            chosen = patient[:1]
        if chosen:
            self._take(chosen, now_ns)
        return Batch(tuple(chosen), tuple(dropped))

    def _take(self, chosen: Sequence[StepRequest], now_ns: int) -> None:
        """Let pictures go to the device; their sessions' next turn comes last."""
        self._taken_at_ns = now_ns
        for request in chosen:
            entry = self._entries[request.session]
            entry.waiting, entry.turn = None, self._take_turn()

    def _others_until(self, now_ns: int) -> int | None:
        """Return until when a patient picture has to wait for others; None if it need not."""
        done_ns = now_ns + self._times.expected_ns(1)
        ends = [entry.in_the_way_until_ns(now_ns, done_ns) for entry in self._entries.values()]
        return max((end for end in ends if end is not None), default=None)

    def _drop_hopeless(self, now_ns: int) -> list[DroppedRequest]:
        """Give up what cannot be ready in time."""
        ready_at_ns = now_ns + self._times.expected_ns(1)
        is_probe_due = self._taken_at_ns is None or now_ns - self._taken_at_ns >= PROBE_NS
        dropped: list[DroppedRequest] = []
        for request in self._in_turn():
            if now_ns > request.expires_at_ns:
                dropped += self._give_up(request.session, "deadline")
            elif ready_at_ns > request.expires_at_ns and not is_probe_due:
                dropped += self._give_up(request.session, "no_time")
            else:
                is_probe_due = False
        return dropped

    def _in_turn(self, *, is_patient: bool = False) -> list[StepRequest]:
        """Return the waiting pictures of one kind in the order of their turns."""
        entries = sorted(self._entries.values(), key=lambda entry: entry.turn)
        waiting = [entry.waiting for entry in entries if entry.waiting is not None]
        return [request for request in waiting if request.is_patient == is_patient]

    def _fits(self, request: StepRequest, chosen: Sequence[StepRequest], now_ns: int) -> bool:
        """Whether a picture can join those chosen without making any of them late."""
        if not chosen:
            return True
        if (request.height, request.width) != (chosen[0].height, chosen[0].width):
            return False
        ready_at_ns = now_ns + self._times.expected_ns(len(chosen) + 1)
        return ready_at_ns <= min(other.expires_at_ns for other in (*chosen, request))

    def _hold_until(self, chosen: Sequence[StepRequest], now_ns: int) -> int | None:
        """Return until when to wait for company; None not to wait."""
        if not chosen or not len(chosen) < min(self._max_batch, len(self._entries)):
            return None
        until_ns = min(request.arrived_at_ns for request in chosen) + HOLD_NS
        ready_at_ns = until_ns + self._times.expected_ns(len(chosen) + 1)
        if now_ns >= until_ns or ready_at_ns > min(r.expires_at_ns for r in chosen):
            return None
        if not any(entry.is_expected(now_ns, until_ns) for entry in self._entries.values()):
            return None
        return until_ns

    def _take_turn(self) -> int:
        """Return the turn behind all others."""
        self._turn += 1
        return self._turn

    def _give_up(self, session: str, cause: DropCause) -> list[DroppedRequest]:
        """Drop the session's waiting picture, if there is one."""
        entry = self._entries.get(session)
        if entry is None or entry.waiting is None:
            return []
        dropped = DroppedRequest(entry.waiting, cause)
        entry.waiting = None
        return [dropped]
