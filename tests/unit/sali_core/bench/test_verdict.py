from __future__ import annotations

import pytest

from sali_core.bench.stream_run import StreamTimes
from sali_core.bench.timing import Spread
from sali_core.bench.verdict import Verdict, judge, sentence


def _run(batch: int, p99_ms: float, bank: int = 35) -> StreamTimes:
    step = Spread(100, p99_ms * 0.8, p99_ms, p99_ms * 0.7)
    return StreamTimes(batch, bank, 100, step, (), None)


def test_the_largest_batch_whose_slowest_steps_fit_is_claimed() -> None:
    runs = [_run(1, 10.0), _run(2, 19.0), _run(4, 39.9), _run(8, 81.0)]
    assert judge(runs) == Verdict(4, 25, 39.9, 35)


def test_a_batch_that_was_not_measured_is_not_claimed() -> None:
    assert judge([_run(1, 1.0)]).rooms == 1


def test_a_quicker_batch_with_an_emptier_memory_is_not_claimed() -> None:
    runs = [_run(1, 9.0, bank=20), _run(4, 20.0), _run(8, 39.0, bank=2)]
    assert judge(runs) == Verdict(4, 25, 20.0, 35)
    assert judge([_run(1, 20.0, bank=2), _run(1, 50.0)]) == Verdict(1, 20, 50.0, 35)


def test_a_slow_machine_is_told_its_own_rate() -> None:
    assert judge([_run(1, 71.0), _run(2, 140.0)]) == Verdict(1, 14, 71.0, 35)


def test_a_median_that_fits_is_not_enough() -> None:
    assert judge([_run(1, 45.0)]).fps == 22


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict(1, 25, 33.0, 35), "1 room at 25 fps, small profile (eager on cpu, p99 33.0 ms"),
        (Verdict(4, 25, 33.0, 35), "4 rooms at 25 fps"),
        (Verdict(0, 0, 1500.0, 35), "not fit for live video"),
        (Verdict(1, 9, 99.0, 12), "only 12 of 35 frames"),
    ],
)
def test_the_sentence_says_what_was_measured_in_one_line(verdict: Verdict, words: str) -> None:
    said = sentence(verdict, profile="small", engine="eager", device="cpu", bank=35)
    assert words in said
    assert "not a medical device" in said
    assert "\n" not in said
    assert ("full memory" in said) == (verdict.bank_frames == 35)
