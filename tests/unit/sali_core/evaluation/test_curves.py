"""The histogram form against a plain form: one pass over the picture for each threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sali_core.evaluation.arrays import min_max_map
from sali_core.evaluation.curves import (
    CURVES,
    THRESHOLDS,
    adaptive_scores,
    count_levels,
    threshold_curves,
)


def _plain_overlaps(stretched: np.ndarray, truth: np.ndarray, threshold: float) -> list[float]:
    mask = stretched >= threshold
    hits = (mask & truth).sum()
    if hits == 0:
        return [0.0] * 4
    outside = (~truth).sum()
    return [
        hits / truth.sum(),
        (~mask & ~truth).sum() / outside if outside else 1.0,
        2 * hits / (mask.sum() + truth.sum()),
        hits / (mask | truth).sum(),
    ]


def _plain_alignment(mask: np.ndarray, truth: np.ndarray) -> float:
    if truth.all() or not truth.any():
        return float((mask == truth).sum() / (truth.size - 1))
    a, b = mask - mask.mean(), truth - truth.mean()
    cosine = 2 * a * b / (a * a + b * b + np.spacing(1))
    return float(((cosine + 1) ** 2 / 4).sum() / (truth.size - 1))


def _plain_f(mask: np.ndarray, truth: np.ndarray) -> float:
    hits = (mask & truth).sum()
    if hits == 0:
        return 0.0
    precision, recall = hits / mask.sum(), hits / truth.sum()
    return float(1.3 * precision * recall / (0.3 * precision + recall))


def _plain_curves(levels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    stretched = min_max_map(levels)
    again = (stretched * 255).astype(np.uint8)
    binned = [(again >= level, truth) for level in range(255, -1, -1)]
    overlaps = [_plain_overlaps(stretched, truth, threshold) for threshold in THRESHOLDS]
    return np.stack(
        [
            [_plain_alignment(*pair) for pair in binned],
            [_plain_f(*pair) for pair in binned],
            *np.transpose(overlaps),
        ]
    )


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    lowest=st.integers(0, 255),
    span=st.integers(0, 255),
    share=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
)
def test_histograms_give_the_curves_of_a_plain_loop(
    seed: int, lowest: int, span: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    shape = rng.integers(3, 25, 2)
    levels = rng.integers(lowest, min(lowest + span, 255) + 1, shape).astype(np.uint8)
    truth = rng.random(shape) < share
    counts = count_levels(levels, truth)
    np.testing.assert_allclose(
        threshold_curves(counts), _plain_curves(levels, truth), rtol=0, atol=1e-12
    )
    stretched = min_max_map(levels)
    assert counts.mean_absolute_error() == pytest.approx(np.abs(stretched - truth).mean())


def test_the_adaptive_threshold_is_twice_the_mean() -> None:
    rng = np.random.default_rng(3)
    truth = np.zeros((30, 40), bool)
    truth[8:20, 10:25] = True
    levels = np.where(truth, rng.integers(90, 256, truth.shape), rng.integers(0, 120, truth.shape))
    levels = levels.astype(np.uint8)
    stretched = min_max_map(levels)
    mask = stretched >= min(2 * stretched.mean(), 1)
    alignment, f = adaptive_scores(count_levels(levels, truth), float(stretched.mean()))
    assert alignment == pytest.approx(_plain_alignment(mask, truth), abs=1e-12)
    assert f == pytest.approx(_plain_f(mask, truth), abs=1e-12)


def test_a_bright_map_has_its_adaptive_threshold_at_one() -> None:
    levels = np.full((8, 8), 255, np.uint8)
    levels[0, 0] = 0
    truth = np.ones((8, 8), bool)
    truth[0, 0] = False
    stretched = min_max_map(levels)
    assert adaptive_scores(count_levels(levels, truth), float(stretched.mean()))[1] == 1


def test_half_found_and_as_much_false_is_a_dice_of_one_half() -> None:
    truth, levels = np.zeros((4, 10), bool), np.zeros((4, 10), np.uint8)
    truth[0], levels[0, :5], levels[1, :5] = True, 255, 255
    curves = dict(zip(CURVES, threshold_curves(count_levels(levels, truth)), strict=True))
    assert curves["Dice"][0] == 0.5
    assert curves["IoU"][0] == pytest.approx(5 / 15)
    assert curves["Sen"][0] == 0.5
    assert curves["Spe"][0] == pytest.approx(25 / 30)
    assert curves["Fm"][0] == pytest.approx(0.5)
