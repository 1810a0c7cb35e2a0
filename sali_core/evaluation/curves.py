"""The curves over 256 thresholds of the SUN-SEG toolbox, from two histograms of a map.

An 8-bit map has at most 256 distinct values, so each count "pixels at or above a threshold" is a
suffix sum of a histogram; no threshold needs another pass over the picture. The toolbox binarises
in two ways, kept here because both reach its figures:

- E-measure and F-measure bin the stretched map to 8 bits again and walk from bin 255 to bin 0;
- sensitivity, specificity, Dice and IoU compare the stretched map, in float64, with
  linspace(1, 0, 256).

Conventions after the toolbox of github.com/GewelsJI/VPS (eval/metrics.py); sources of the measures:
Fan et al., "Enhanced-alignment measure", IJCAI 2018; Achanta et al., CVPR 2009 (F, beta^2 = 0.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sali_core.evaluation.arrays import Counts, Floats, GreyMap, Mask, stretch_levels

CURVES = ("Em", "Fm", "Sen", "Spe", "Dice", "IoU")
"""Rows of the curves, in this order."""

THRESHOLDS = np.linspace(1, 0, 256)
"""Threshold of each column of the curves: from strict to lax."""

_EPS = np.spacing(1)
_BETA_SQUARED = 0.3


@dataclass(frozen=True)
class LevelCounts:
    """Histograms of a map inside and outside the truth, over the levels that occur.

    Attributes:
        values: Stretched value of each level from the map's lowest to its highest, ascending, [L].
        inside: Pixels of each level where the truth is set, [L].
        outside: Pixels of each level elsewhere, [L].
    """

    values: Floats
    inside: Counts
    outside: Counts

    @property
    def truth_px(self) -> int:
        """Pixels of the truth."""
        return int(self.inside.sum())

    @property
    def size_px(self) -> int:
        """Pixels of the picture."""
        return self.truth_px + int(self.outside.sum())

    def mean_absolute_error(self) -> float:
        """Return mean |map - truth|, the toolbox's MAE."""
        wrong = self.inside @ (1 - self.values) + self.outside @ self.values
        return float(wrong / self.size_px)

    def above(self, thresholds: Floats) -> tuple[Floats, Floats]:
        """Count pixels with value >= threshold: (inside, outside), shape of `thresholds`."""
        first = np.searchsorted(self.values, thresholds, side="left")
        return _suffix_sums(self.inside)[first], _suffix_sums(self.outside)[first]


def count_levels(prediction: GreyMap, truth: Mask) -> LevelCounts:
    """Count the levels of a map inside and outside the truth (both [H, W])."""
    inside = np.bincount(prediction[truth], minlength=256)
    everywhere = np.bincount(prediction.ravel(), minlength=256)
    present = np.flatnonzero(everywhere)
    lowest, highest = int(present[0]), int(present[-1])
    span = slice(lowest, highest + 1)
    values = stretch_levels(np.arange(256)[span] / 255, lowest, highest)
    return LevelCounts(values, inside[span], (everywhere - inside)[span])


def threshold_curves(counts: LevelCounts) -> Floats:
    """Return the toolbox's curves of one frame, [6, 256], rows as `CURVES`.

    With P, T the predicted and true pixels, TP their overlap, N all pixels:

        Em   sum of ((2ab / (a^2 + b^2) + 1)^2 / 4) / (N - 1), a and b the mask and the truth minus
             their means; without truth (N - P) / (N - 1), with truth everywhere P / (N - 1)
        Fm   1.3 p r / (0.3 p + r), p = TP / P, r = TP / T
        Sen  TP / T             Spe  TN / (N - T)
        Dice 2 TP / (P + T)     IoU  TP / (P + T - TP)

    Where TP = 0 all but Em are 0, specificity too; so an empty truth scores 0 even when nothing
    was predicted. That is the toolbox's rule, not ours. With truth everywhere the toolbox's
    specificity is 0 / 0 and voids the table; here it is 1.
    """
    bins = (counts.values * 255).astype(np.uint8)
    inside = np.bincount(bins, weights=counts.inside, minlength=256)[::-1].cumsum()
    outside = np.bincount(bins, weights=counts.outside, minlength=256)[::-1].cumsum()
    truth_px, size_px = counts.truth_px, counts.size_px
    rows = [
        _enhanced_alignment(inside, outside, truth_px, size_px),
        _f_measure(inside, outside, truth_px),
        *_overlaps(*counts.above(THRESHOLDS), truth_px, size_px),
    ]
    return np.stack(rows)


def adaptive_scores(counts: LevelCounts, mean: float) -> tuple[float, float]:
    """Return (E-measure, F-measure) at the threshold min(2 * mean of the stretched map, 1)."""
    inside, outside = counts.above(np.array([min(2 * mean, 1.0)]))
    alignment = _enhanced_alignment(inside, outside, counts.truth_px, counts.size_px)
    return float(alignment[0]), float(_f_measure(inside, outside, counts.truth_px)[0])


def _suffix_sums(histogram: Counts) -> Floats:
    """Sums from each place to the end, and 0 for the place after the last."""
    sums = np.zeros(len(histogram) + 1)
    sums[:-1] = histogram[::-1].cumsum()[::-1]
    return sums


def _enhanced_alignment(inside: Floats, outside: Floats, truth_px: int, size_px: int) -> Floats:
    predicted = inside + outside
    if truth_px == 0:
        aligned = size_px - predicted
    elif truth_px == size_px:
        aligned = predicted
    else:
        missed = truth_px - inside
        rest = size_px - predicted - missed
        mask_mean, truth_mean = predicted / size_px, truth_px / size_px
        aligned = (
            inside * _alignment(1 - mask_mean, 1 - truth_mean)
            + outside * _alignment(1 - mask_mean, -truth_mean)
            + missed * _alignment(-mask_mean, 1 - truth_mean)
            + rest * _alignment(-mask_mean, -truth_mean)
        )
    scaled: Floats = aligned / (size_px - 1 + _EPS)
    return scaled


def _alignment(mask: Floats, truth: float) -> Floats:
    cosine = 2 * mask * truth / (mask**2 + truth**2 + _EPS)
    enhanced: Floats = (cosine + 1) ** 2 / 4
    return enhanced


def _f_measure(inside: Floats, outside: Floats, truth_px: int) -> Floats:
    precision = inside / np.maximum(inside + outside, 1)
    recall = inside / max(truth_px, 1)
    top = (1 + _BETA_SQUARED) * precision * recall
    scores: Floats = top / np.where(top == 0, 1, _BETA_SQUARED * precision + recall)
    return scores


def _overlaps(inside: Floats, outside: Floats, truth_px: int, size_px: int) -> list[Floats]:
    """Sensitivity, specificity, Dice and IoU; all 0 where nothing of the truth was found."""
    background_px = size_px - truth_px
    specificity = (
        (background_px - outside) / background_px if background_px else np.ones_like(inside)
    )
    scores = [
        inside / max(truth_px, 1),
        specificity,
        2 * inside / np.maximum(truth_px + inside + outside, 1),
        inside / np.maximum(truth_px + outside, 1),
    ]
    return [np.where(inside > 0, score, 0.0) for score in scores]
