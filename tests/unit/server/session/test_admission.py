from __future__ import annotations

import pytest

from server.session.admission import admission_of
from server.worker.state import WorkerState, WorkerStatus
from tests.fakes.capacities import made_up_capacity


@pytest.mark.parametrize(
    ("max_sessions", "sessions", "limit", "is_set"),
    [
        (0, None, 1, False),
        (0, 0, 1, False),
        (0, 1, 1, False),
        (0, 12, 12, False),
        (3, None, 3, True),
        (3, 12, 3, True),
        (30, 12, 30, True),
    ],
)
def test_the_operators_limit_goes_before_what_was_measured(
    max_sessions: int, sessions: int | None, limit: int, is_set: bool
) -> None:
    capacity = None if sessions is None else made_up_capacity(sessions)
    admission = admission_of(max_sessions, capacity)
    assert (admission.limit, admission.is_set) == (limit, is_set)
    assert ("MAX_SESSIONS" in admission.reason) == (is_set or sessions is not None)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (WorkerState.FAILED, "the AI does not run: weights are gone"),
        (WorkerState.LOST, "how many the AI can serve is not measured yet"),
        (WorkerState.WARMING, "how many the AI can serve is not measured yet"),
    ],
)
def test_without_a_measurement_the_reason_tells_whether_one_will_come(
    state: WorkerState, reason: str
) -> None:
    admission = admission_of(0, None, WorkerStatus(state, "weights are gone"))
    assert (admission.limit, admission.reason) == (1, reason)


def test_the_operators_limit_is_told_though_no_worker_runs() -> None:
    admission = admission_of(3, None, WorkerStatus(WorkerState.FAILED, "weights are gone"))
    assert (admission.limit, admission.is_set) == (3, True)
