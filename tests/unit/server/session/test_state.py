from __future__ import annotations

import pytest

from server.errors import TransitionError
from server.session.state import SessionState, moved


def test_the_usual_life_of_a_session() -> None:
    state = SessionState.CREATED
    for name in ("open", "closing", "closed"):
        state = moved(state, SessionState(name))
    assert state is SessionState.CLOSED


@pytest.mark.parametrize(("now", "to"), [("created", "closing"), ("closed", "open")])
def test_a_bad_step_raises(now: str, to: str) -> None:
    with pytest.raises(TransitionError):
        moved(SessionState(now), SessionState(to))
