"""Where a worker stands, and which steps it can take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from server.errors import TransitionError


class WorkerState(StrEnum):
    """The life of the worker, seen from the service."""

    STOPPED = "stopped"
    STARTING = "starting"
    WARMING = "warming"
    READY = "ready"
    LOST = "lost"
    FAILED = "failed"


_NEXT: dict[WorkerState, frozenset[WorkerState]] = {
    WorkerState.STOPPED: frozenset({WorkerState.STARTING}),
    WorkerState.STARTING: frozenset(
        {WorkerState.WARMING, WorkerState.LOST, WorkerState.FAILED, WorkerState.STOPPED}
    ),
    WorkerState.WARMING: frozenset(
        {WorkerState.READY, WorkerState.LOST, WorkerState.FAILED, WorkerState.STOPPED}
    ),
    WorkerState.READY: frozenset({WorkerState.LOST, WorkerState.FAILED, WorkerState.STOPPED}),
    WorkerState.LOST: frozenset({WorkerState.STARTING, WorkerState.STOPPED}),
    WorkerState.FAILED: frozenset({WorkerState.STOPPED}),
}


@dataclass(frozen=True)
class WorkerStatus:
    """A state and one line why; the line is shown to people."""

    state: WorkerState
    reason: str = ""

    def moved(self, state: WorkerState, reason: str = "") -> WorkerStatus:
        """Return the status after a step to `state`.

        Raises:
            TransitionError: There is no such step.
        """
        if state not in _NEXT[self.state]:
            raise TransitionError(f"a worker cannot go from {self.state} to {state}")
        return WorkerStatus(state, reason)
