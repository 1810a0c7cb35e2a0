from __future__ import annotations

import numpy as np
import pytest

from sali_core.evaluation.metrics import dice, iou


def test_overlap_of_known_masks() -> None:
    a, b = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    a[:4], b[2:6] = True, True
    assert dice(a, b) == pytest.approx(2 * 20 / 80)
    assert iou(a, b) == pytest.approx(20 / 60)


def test_two_empty_masks_agree_and_one_alone_does_not() -> None:
    empty, full = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    assert dice(empty, empty) == iou(empty, empty) == 1.0
    assert dice(empty, full) == iou(empty, full) == 0.0
