"""Which pictures are computed next. Pure: no clock, no device, no input or output.

Every session has one waiting picture, the newest. Ready sessions are taken in the order in which
they were last served, so none starves. A picture past its deadline is dropped, not computed.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.worker.protocol import DropCause


@dataclass(frozen=True)
class StepRequest:
    """One picture to compute; `expires_at_ns` is read from the caller's clock."""

    session: str
    epoch: int
    sequence: int
    height: int
    width: int
    rgb: bytes
    expires_at_ns: int


@dataclass(frozen=True)
class DroppedRequest:
    """A picture that will not be computed."""

    request: StepRequest
    cause: DropCause


@dataclass(frozen=True)
class Batch:
    """Pictures of different sessions and equal size to compute together, and those given up."""

    requests: tuple[StepRequest, ...]
    dropped: tuple[DroppedRequest, ...]


@dataclass
class _Entry:
    """One session: its epoch, its waiting picture, and its turn: the order of being served last."""

    epoch: int
    turn: int
    waiting: StepRequest | None = None


class Scheduler:
    """The waiting pictures of all sessions. Owned by the worker's event loop."""

    def __init__(self, max_batch: int) -> None:
        """Start empty.

        Args:
            max_batch: Most pictures in one batch, at least 1.
        """
        self._max_batch = max_batch
        self._entries: dict[str, _Entry] = {}
        self._turn = 0

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

    def submit(self, request: StepRequest) -> list[DroppedRequest]:
        """Take a picture; an older waiting one of the session is replaced."""
        entry = self._entries.get(request.session)
        if entry is None or request.epoch != entry.epoch:
            return [DroppedRequest(request, "reset")]
        dropped = self._give_up(request.session, "replaced")
        entry.waiting = request
        return dropped

    def next_batch(self, now_ns: int) -> Batch:
        """Take the next pictures, longest unserved session first.

        Pictures of another size than the first one's wait for the next batch.
        """
        dropped: list[DroppedRequest] = []
        chosen: list[StepRequest] = []
        for entry in sorted(self._entries.values(), key=lambda entry: entry.turn):
            request = entry.waiting
            if request is None:
                continue
            if now_ns > request.expires_at_ns:
                entry.waiting = None
                dropped.append(DroppedRequest(request, "deadline"))
            elif len(chosen) < self._max_batch and (
                not chosen or (request.height, request.width) == (chosen[0].height, chosen[0].width)
            ):
                entry.waiting = None
                chosen.append(request)
        for request in chosen:
            self._entries[request.session].turn = self._take_turn()
        return Batch(tuple(chosen), tuple(dropped))

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
