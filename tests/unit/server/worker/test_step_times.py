from __future__ import annotations

import pytest

from server.worker.protocol import StepTime
from server.worker.step_times import StepTimes, interpolate

MS = 1_000_000


@pytest.mark.parametrize(
    ("batch", "duration"), [(1, 10.0), (2, 10.0), (4, 12.0), (8, 16.0), (16, 32.0)]
)
def test_sizes_that_are_not_known_are_reckoned_from_those_that_are(
    batch: int, duration: float
) -> None:
    assert interpolate({2: 10.0, 8: 16.0}, batch) == duration


def test_nothing_is_expected_while_nothing_is_known() -> None:
    assert StepTimes().expected_ns(4) == 0


def test_one_slow_batch_changes_no_expectation_and_lasting_slowness_does() -> None:
    times = StepTimes([StepTime(batch=1, step_ms=9.0, step_p99_ms=30.0, finish_ms=1.0)])
    assert times.expected_ns(1) == 10 * MS
    times.observe(1, 500 * MS)
    assert times.expected_ns(1) == 10 * MS
    for _ in range(8):
        times.observe(1, 20 * MS)
    assert times.expected_ns(1) == 20 * MS
    times.observe(1, 12 * MS)
    assert times.expected_ns(1) == 12 * MS
