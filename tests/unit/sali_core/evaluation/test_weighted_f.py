"""The windowed, separable form against Margolin's definition written out in full."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import convolve

from sali_core.evaluation.weighted_f import weighted_f_measure


def _by_definition(stretched: np.ndarray, truth: np.ndarray) -> float:
    rows, columns = np.nonzero(truth)
    height, width = truth.shape
    error = np.abs(stretched - truth)
    spread, weight = error.copy(), np.ones_like(error)
    for y in range(height):
        for x in range(width):
            if not truth[y, x]:
                distances = np.hypot(rows - y, columns - x)
                assert np.isclose(distances, distances.min()).sum() == 1, "ambiguous neighbour"
                nearest = int(distances.argmin())
                spread[y, x] = error[rows[nearest], columns[nearest]]
                weight[y, x] = 2 - 0.5 ** (distances[nearest] / 5)
    y, x = np.mgrid[-3:4, -3:4]
    kernel = np.exp(-(x * x + y * y) / 50)
    smooth = convolve(spread, kernel / kernel.sum(), mode="constant")
    error = np.where(truth, np.minimum(error, smooth), error) * weight
    recall = 1 - error[truth].mean()
    hits = (1 - error[truth]).sum()
    precision = hits / (hits + error[~truth].sum())
    return float(2 * recall * precision / (recall + precision))


@pytest.mark.parametrize("place", [(12, 9), (0, 0), (20, 26)])
def test_equals_the_definition(place: tuple[int, int]) -> None:
    """A rectangle, also at the border: each pixel outside has a single nearest one inside."""
    truth = np.zeros((28, 35), bool)
    truth[place[0] : place[0] + 8, place[1] : place[1] + 9] = True
    rng = np.random.default_rng(5)
    stretched = np.clip(0.7 * truth + 0.4 * rng.random(truth.shape), 0, 1)
    expected = _by_definition(stretched, truth)
    assert weighted_f_measure(stretched, truth) == pytest.approx(expected, abs=1e-12)


def test_errors_far_from_the_truth_cost_more() -> None:
    truth = np.zeros((60, 60), bool)
    truth[25:35, 25:35] = True
    near, far = truth.astype(float), truth.astype(float)
    near[25:35, 35:38], far[25:35, 55:58] = 1, 1
    assert weighted_f_measure(near, truth) > weighted_f_measure(far, truth) + 0.01


def test_without_truth_it_is_zero() -> None:
    assert weighted_f_measure(np.zeros((5, 5)), np.zeros((5, 5), bool)) == 0
