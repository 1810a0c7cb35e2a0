from __future__ import annotations

from server.bench.percentiles import Percentiles


def test_p99_is_a_measured_time_that_one_in_a_hundred_exceeds() -> None:
    assert Percentiles.of([float(n) for n in range(1, 101)]) == Percentiles(100, 50, 95, 99, 100)


def test_nothing_measured_has_no_percentiles() -> None:
    assert Percentiles.of([]) is None
