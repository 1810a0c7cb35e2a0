from __future__ import annotations

import pytest

from server.errors import TransitionError
from server.worker.state import WorkerState, WorkerStatus


def test_the_usual_life_of_a_worker() -> None:
    status = WorkerStatus(WorkerState.STOPPED)
    for state in ("starting", "warming", "ready", "lost", "starting", "failed", "stopped"):
        status = status.moved(WorkerState(state), "why")
    assert status == WorkerStatus(WorkerState.STOPPED, "why")


@pytest.mark.parametrize(
    ("now", "to"), [("stopped", "ready"), ("lost", "ready"), ("failed", "starting")]
)
def test_a_bad_step_raises(now: str, to: str) -> None:
    with pytest.raises(TransitionError, match=f"from {now} to {to}"):
        WorkerStatus(WorkerState(now)).moved(WorkerState(to))
