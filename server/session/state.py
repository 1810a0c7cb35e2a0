"""The life of a session, and which steps it can take."""

from __future__ import annotations

from enum import StrEnum

from server.errors import TransitionError


class SessionState(StrEnum):
    """Created, opened, closed; nothing comes back."""

    CREATED = "created"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


_NEXT: dict[SessionState, frozenset[SessionState]] = {
    SessionState.CREATED: frozenset({SessionState.OPEN, SessionState.CLOSED}),
    SessionState.OPEN: frozenset({SessionState.CLOSING}),
    SessionState.CLOSING: frozenset({SessionState.CLOSED}),
    SessionState.CLOSED: frozenset(),
}


def moved(now: SessionState, to: SessionState) -> SessionState:
    """Return `to`.

    Raises:
        TransitionError: There is no such step.
    """
    if to not in _NEXT[now]:
        raise TransitionError(f"a session cannot go from {now} to {to}")
    return to
