"""Overlap of masks, and every figure of the SUN-SEG toolbox for one frame: pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from sali_core.errors import ShapeError
from sali_core.evaluation.arrays import Floats, GreyMap, Mask, min_max_map
from sali_core.evaluation.curves import adaptive_scores, count_levels, threshold_curves
from sali_core.evaluation.structure import structure_measure
from sali_core.evaluation.weighted_f import weighted_f_measure


def dice(predicted: Mask, truth: Mask) -> float:
    """Return 2 |P and T| / (|P| + |T|); 1 when both are empty."""
    total = int(predicted.sum()) + int(truth.sum())
    return 2 * int((predicted & truth).sum()) / total if total else 1.0


def iou(predicted: Mask, truth: Mask) -> float:
    """Return |P and T| / |P or T|; 1 when both are empty."""
    union = int((predicted | truth).sum())
    return int((predicted & truth).sum()) / union if union else 1.0


@dataclass(frozen=True)
class FrameScores:
    """The toolbox's figures of one frame, or their mean over frames.

    Attributes:
        s_measure: Structure measure.
        weighted_f: Weighted F-measure.
        mae: Mean absolute error.
        adaptive_e: E-measure at the adaptive threshold.
        adaptive_f: F-measure at the adaptive threshold.
        curves: [6, 256], rows as `curves.CURVES`.
    """

    s_measure: float
    weighted_f: float
    mae: float
    adaptive_e: float
    adaptive_f: float
    curves: Floats


def score_frame(prediction: GreyMap, truth: Mask) -> FrameScores:
    """Score one map by the conventions of the SUN-SEG toolbox.

    Args:
        prediction: [H, W], 0 to 255; stretched by its own extremes before it is scored.
        truth: [H, W].

    Raises:
        ShapeError: The two differ in size; resize the map first (`maps.resize_bilinear`).
    """
    if prediction.shape != truth.shape:
        raise ShapeError(f"the map is {prediction.shape}, the truth {truth.shape}")
    stretched = min_max_map(prediction)
    counts = count_levels(prediction, truth)
    adaptive_e, adaptive_f = adaptive_scores(counts, float(stretched.mean()))
    return FrameScores(
        s_measure=structure_measure(stretched, truth),
        weighted_f=weighted_f_measure(stretched, truth),
        mae=counts.mean_absolute_error(),
        adaptive_e=adaptive_e,
        adaptive_f=adaptive_f,
        curves=threshold_curves(counts),
    )
