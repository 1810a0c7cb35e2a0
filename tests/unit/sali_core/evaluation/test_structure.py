from __future__ import annotations

import numpy as np
import pytest

from sali_core.evaluation.structure import structure_measure


def _square(top: int = 10, left: int = 12) -> np.ndarray:
    truth = np.zeros((40, 50), bool)
    truth[top : top + 12, left : left + 14] = True
    return truth


def test_a_perfect_map_has_the_truths_structure() -> None:
    assert structure_measure(_square().astype(float), _square()) == pytest.approx(1)


def test_a_displaced_object_loses_structure_the_further_it_goes() -> None:
    truth = _square()
    scores = [structure_measure(_square(10, 12 + by).astype(float), truth) for by in (0, 3, 6, 20)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.5


def test_without_truth_it_is_one_minus_the_mean() -> None:
    stretched = np.linspace(0, 1, 12).reshape(3, 4)
    assert structure_measure(stretched, np.zeros((3, 4), bool)) == pytest.approx(0.5)


def test_objects_of_a_flat_half_sure_map_by_hand() -> None:
    """Both objects have mean 1/2 and no deviation; the regions' covariance is zero."""
    objects = 2 * 0.5 / (0.25 + 1)
    assert structure_measure(np.full((40, 50), 0.5), _square()) == pytest.approx(objects / 2)
