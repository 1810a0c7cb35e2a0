from __future__ import annotations

import pytest

from server.session.admission import admission_of
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
