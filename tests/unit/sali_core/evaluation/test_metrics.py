from __future__ import annotations

import numpy as np
import pytest

from sali_core.errors import ShapeError
from sali_core.evaluation.metrics import dice, iou, score_frame


def _disc(size: int = 40, radius: int = 9) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return (x - size // 2) ** 2 + (y - size // 2) ** 2 < radius**2


def test_overlap_of_known_masks() -> None:
    a, b = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    a[:4], b[2:6] = True, True
    assert dice(a, b) == pytest.approx(2 * 20 / 80)
    assert iou(a, b) == pytest.approx(20 / 60)


def test_two_empty_masks_agree_and_one_alone_does_not() -> None:
    empty, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    assert dice(empty, empty) == iou(empty, empty) == 1.0
    assert dice(empty, full) == iou(empty, full) == 0.0


def test_a_perfect_map_scores_one_in_everything() -> None:
    truth = _disc()
    scores = score_frame((truth * 255).astype(np.uint8), truth)
    assert scores.mae == 0
    assert scores.s_measure == pytest.approx(1)
    assert scores.weighted_f == pytest.approx(1)
    assert scores.adaptive_f == pytest.approx(1)
    # The toolbox divides the E-measure by one pixel less than there are.
    assert scores.adaptive_e == pytest.approx(truth.size / (truth.size - 1))
    # At the threshold 0 the whole picture is taken.
    assert scores.curves[:, :-1].min() == pytest.approx(1)


def test_an_inverted_map_scores_nothing() -> None:
    truth = _disc()
    scores = score_frame((~truth * 255).astype(np.uint8), truth)
    assert scores.mae == 1
    assert scores.s_measure < 0.1
    assert scores.weighted_f == pytest.approx(0, abs=1e-12)
    assert scores.curves[4, :-1].max() == 0


def test_stretching_makes_a_faint_map_as_good_as_a_strong_one() -> None:
    truth = _disc()
    faint, strong = np.where(truth, 30, 10), np.where(truth, 255, 0)
    one, other = (score_frame(levels.astype(np.uint8), truth) for levels in (faint, strong))
    assert one.s_measure == other.s_measure
    np.testing.assert_array_equal(one.curves, other.curves)


@pytest.mark.parametrize("level", [0, 77, 255])
@pytest.mark.parametrize("kind", ["empty", "full", "disc", "one pixel", "corner"])
def test_constant_maps_and_odd_truths_give_finite_figures(level: int, kind: str) -> None:
    truth = np.zeros((24, 30), bool)
    if kind == "full":
        truth[:] = True
    elif kind == "disc":
        truth[5:15, 8:20] = True
    elif kind == "one pixel":
        truth[7, 9] = True
    elif kind == "corner":
        truth[-1, -3:] = True
    scores = score_frame(np.full(truth.shape, level, np.uint8), truth)
    numbers = (scores.s_measure, scores.weighted_f, scores.mae, scores.adaptive_e)
    for value in (*numbers, scores.adaptive_f, *scores.curves.ravel()):
        assert 0 <= value <= 1 + 1 / (truth.size - 1)


def test_without_truth_an_empty_map_has_no_error_but_also_no_overlap() -> None:
    empty = np.zeros((20, 20), np.uint8)
    scores = score_frame(empty, empty.astype(bool))
    assert (scores.s_measure, scores.mae, scores.weighted_f) == (1.0, 0.0, 0.0)
    assert scores.curves[1:].max() == 0
    assert scores.curves[0, 0] == pytest.approx(400 / 399)


def test_a_truth_everywhere_scores_the_mean_and_full_specificity() -> None:
    levels = np.tile(np.arange(0, 255, 5, dtype=np.uint8), (10, 1))
    scores = score_frame(levels, np.ones(levels.shape, bool))
    assert scores.s_measure == pytest.approx(0.5)
    assert scores.mae == pytest.approx(0.5)
    np.testing.assert_array_equal(scores.curves[3], 1)


def test_a_one_pixel_truth_has_the_toolboxs_structure_of_zero() -> None:
    truth = np.zeros((16, 16), bool)
    truth[8, 8] = True
    assert score_frame((truth * 255).astype(np.uint8), truth).s_measure == 0


def test_sizes_that_differ_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"the map is \(4, 4\), the truth \(4, 5\)"):
        score_frame(np.zeros((4, 4), np.uint8), np.zeros((4, 5), bool))
