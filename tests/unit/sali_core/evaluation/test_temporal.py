from __future__ import annotations

import numpy as np
import pytest

from sali_core.errors import ShapeError
from sali_core.evaluation.temporal import (
    MaskTrace,
    count_false_alarms,
    detection_delays,
    flicker,
    trace_masks,
)

_WIDTH = 20


def _strip(begin: int, end: int) -> np.ndarray:
    """A mask of 5 x 20 pixels with the columns from begin to end set."""
    mask = np.zeros((5, _WIDTH), bool)
    mask[:, begin:end] = True
    return mask


def _trace(predicted: list[tuple[int, int]], truth: list[tuple[int, int]]) -> MaskTrace:
    pairs = zip(predicted, truth, strict=True)
    return trace_masks((_strip(*one), _strip(*other)) for one, other in pairs)


_NONE = (0, 0)


def test_overlap_of_each_frame() -> None:
    trace = _trace([(0, 4), _NONE, (0, 4)], [(2, 6), _NONE, _NONE])
    np.testing.assert_allclose(trace.dice, [0.5, 1, 0])
    np.testing.assert_allclose(trace.iou, [1 / 3, 1, 0])


def test_a_run_of_false_masks_is_one_alarm() -> None:
    trace = _trace([(0, 4), (0, 4), _NONE, (3, 9), _NONE], [_NONE] * 5)
    alarms = count_false_alarms([trace], min_area=0.1)
    assert (alarms.alarms, alarms.polyp_free_frames) == (2, 5)
    assert alarms.per_minute(fps=25) == pytest.approx(2 / (5 / 25 / 60))


def test_a_frame_with_a_polyp_ends_an_alarm_and_raises_none() -> None:
    trace = _trace([(0, 4)] * 3, [_NONE, (0, 4), _NONE])
    alarms = count_false_alarms([trace], min_area=0.1)
    assert (alarms.alarms, alarms.polyp_free_frames) == (2, 2)


@pytest.mark.parametrize(("area", "alarms"), [(0.2, 1), (0.21, 0), (0.0, 1)])
def test_only_masks_of_the_stated_area_alarm(area: float, alarms: int) -> None:
    assert count_false_alarms([_trace([(0, 4)], [_NONE])], area).alarms == alarms


def test_an_empty_mask_never_alarms_even_at_no_area() -> None:
    assert count_false_alarms([_trace([_NONE], [_NONE])], 0.0).alarms == 0


def test_alarms_do_not_run_on_from_one_video_to_the_next() -> None:
    trace = _trace([(0, 4)], [_NONE])
    assert count_false_alarms([trace, trace], 0.1).alarms == 2


def test_without_polyp_free_frames_the_rate_is_unknown() -> None:
    alarms = count_false_alarms([_trace([(0, 4)], [(0, 4)])], 0.1)
    assert alarms.per_minute(25) is None


def test_a_mask_that_moves_with_the_polyp_does_not_flicker() -> None:
    path = [(k, k + 5) for k in range(8)]
    assert flicker(_trace(path, path)) == 0


def test_a_mask_that_blinks_over_a_resting_polyp_flickers() -> None:
    trace = _trace([(0, 5), _NONE, (0, 5), (0, 5)], [(0, 5)] * 4)
    assert flicker(trace) == pytest.approx(2 / 3)


def test_motion_of_the_truth_is_subtracted() -> None:
    """The mask jumps 4 of 5 columns (IoU 1/9) while the polyp moves 1 (IoU 4/6)."""
    trace = _trace([(0, 5), (4, 9)], [(2, 7), (3, 8)])
    assert flicker(trace) == pytest.approx(4 / 6 - 1 / 9)


def test_a_still_mask_over_a_moving_polyp_does_not_flicker_below_zero() -> None:
    assert flicker(_trace([(0, 5)] * 3, [(0, 5), (3, 8), (6, 11)])) == 0


def test_a_single_frame_cannot_flicker() -> None:
    assert flicker(_trace([(0, 5)], [(0, 5)])) is None


def test_delay_counts_from_the_first_true_frame_to_the_first_touch() -> None:
    polyp = [_NONE, (5, 9), (5, 9), (5, 9), _NONE]
    assert detection_delays(_trace([_NONE, _NONE, (0, 5), (0, 6), _NONE], polyp)) == [2]
    assert detection_delays(_trace([(5, 9)] * 5, polyp)) == [0]
    assert detection_delays(_trace([(5, 9), *[_NONE] * 4], polyp)) == [None]


def test_a_short_absence_does_not_make_a_new_appearance() -> None:
    polyp = [(0, 5), _NONE, _NONE, (0, 5), _NONE, _NONE, _NONE, (0, 5)]
    seen = [_NONE, _NONE, _NONE, (0, 5), _NONE, _NONE, _NONE, (0, 5)]
    assert detection_delays(_trace(seen, polyp), rejoin_frames=0) == [None, 0, 0]
    assert detection_delays(_trace(seen, polyp), rejoin_frames=2) == [3, 0]
    assert detection_delays(_trace(seen, polyp), rejoin_frames=3) == [3]


def test_frames_of_different_size_are_refused() -> None:
    small, large = np.zeros((4, 4), bool), np.zeros((4, 5), bool)
    with pytest.raises(ShapeError, match="differ in size"):
        trace_masks([(small, small), (large, large)])
