"""How many sessions are let in, and why no more (P8: refuse rather than serve badly)."""

from __future__ import annotations

from dataclasses import dataclass

from server.worker.protocol import Capacity
from server.worker.state import WorkerState, WorkerStatus


@dataclass(frozen=True)
class Admission:
    """The limit on sessions at the moment, and one line why.

    `is_set` tells that the operator chose it; it then holds for the operator's own sources too.
    """

    limit: int
    is_set: bool
    reason: str


def admission_of(
    max_sessions: int, capacity: Capacity | None, worker: WorkerStatus | None = None
) -> Admission:
    """Decide how many sessions are served.

    A machine too slow for even one gets one nevertheless: its AI skips frames, and says so.

    Args:
        max_sessions: The operator's choice; 0 leaves it to the capacity.
        capacity: What the worker measured; None as long as none is ready.
        worker: Where the worker stands; one that is given up will not measure anything.
    """
    if max_sessions > 0:
        return Admission(max_sessions, True, "SALI_SESSION__MAX_SESSIONS allows no more")
    if capacity is None and worker is not None and worker.state is WorkerState.FAILED:
        return Admission(1, False, f"the AI does not run: {worker.reason}")
    if capacity is None:
        return Admission(1, False, "how many the AI can serve is not measured yet")
    return Admission(
        max(1, capacity.sessions),
        False,
        "the AI of this machine serves no more of them well; SALI_SESSION__MAX_SESSIONS sets "
        "another limit",
    )
