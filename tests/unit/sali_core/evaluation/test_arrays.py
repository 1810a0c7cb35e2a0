from __future__ import annotations

import numpy as np

from sali_core.evaluation.arrays import min_max_map, probability_to_map


def test_a_map_is_stretched_to_its_own_extremes() -> None:
    stretched = min_max_map(np.array([[10, 20], [30, 60]], np.uint8))
    np.testing.assert_allclose(stretched, [[0, 0.2], [0.4, 1]])


def test_a_constant_map_keeps_its_level() -> None:
    np.testing.assert_allclose(min_max_map(np.full((2, 2), 51, np.uint8)), 0.2)


def test_probabilities_become_levels_by_rounding() -> None:
    levels = probability_to_map(np.array([[-0.1, 0.0, 0.5, 0.9999, 1.2]]))
    assert levels.tolist() == [[0, 0, 128, 255, 255]]
