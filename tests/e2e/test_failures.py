"""Worker stopped, network silent, source stopped, tab frozen: the mask goes and the page says so.

How soon is measured by tests/bench/viewer_failures.py; here every failure happens once and the
masks come back after each.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.bench.viewer_failures import FAILURES, measure
from tests.e2e.hand_fed_room import hand_fed_room

pytestmark = [pytest.mark.e2e, pytest.mark.long]


@pytest.mark.hazard("H2", "H4", "H5", "H6", "F3", "F5", "F6")
def test_no_mask_outlives_what_it_came_from_and_the_page_says_why(tmp_path: Path) -> None:
    with hand_fed_room(tmp_path) as room:
        outcomes = measure(room, FAILURES, repeats=1)
        room.wait_until_marked()
    assert set(outcomes) == set(FAILURES)
    for name, (outcome,) in outcomes.items():
        assert math.isfinite(outcome["mask_gone_ms"]), f"{name}: the mask stayed"
        assert math.isfinite(outcome["state_shown_ms"]), f"{name}: the state was not told"
