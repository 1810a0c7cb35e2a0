from __future__ import annotations

import pytest
import torch

from sali_core.bench.timing import Deadline, Spread, timed
from sali_core.errors import ConfigError


def test_p99_is_a_time_that_was_measured() -> None:
    spread = Spread.of([float(ms) for ms in range(1, 201)])
    assert (spread.count, spread.p50_ms, spread.p99_ms, spread.least_ms) == (200, 100.5, 198.0, 1.0)


def test_p99_of_few_times_is_the_largest() -> None:
    assert Spread.of([1.0, 5.0, 2.0]).p99_ms == 5.0


def test_no_times_are_refused_with_the_cure() -> None:
    with pytest.raises(ConfigError, match="allow more"):
        Spread.of([])


def test_timed_returns_the_result_and_a_time() -> None:
    result, ms = timed(lambda: "done", torch.device("cpu"))
    assert result == "done"
    assert ms >= 0


def test_a_pause_is_not_counted() -> None:
    now = [0.0]
    deadline = Deadline(10.0, lambda: now[0])
    with deadline.paused():
        now[0] = 60.0
    assert deadline.left_s == 10.0


def test_a_deadline_passes_and_parts_pass_earlier() -> None:
    now = [100.0]
    deadline = Deadline(10.0, lambda: now[0])
    part = deadline.part(0.5)
    assert (deadline.left_s, part.left_s) == (10.0, 5.0)
    now[0] = 106.0
    assert part.has_passed
    assert not deadline.has_passed
    assert deadline.part(0.5).left_s == 2.0
    now[0] = 111.0
    assert deadline.has_passed
    assert deadline.left_s == 0.0
