"""S-measure: do prediction and truth have the same structure, as objects and as regions?

Fan et al., "Structure-measure: a new way to evaluate foreground maps", ICCV 2017, with the
conventions of the SUN-SEG toolbox (alpha = 0.5, the split one pixel beyond the truth's centroid).
"""

from __future__ import annotations

import math

import numpy as np

from sali_core.evaluation.arrays import Floats, Mask

_EPS = np.spacing(1)


def structure_measure(stretched: Floats, truth: Mask) -> float:
    """Return the S-measure of a stretched map in [0, 1] against the truth, both [H, W].

        S = (S_object + S_region) / 2, never below 0

    Without truth S = 1 - mean of the map; with truth everywhere S = the mean. Where a part is too
    small for its variance (a truth of one pixel, a centroid on the last row or column) the
    toolbox's figure is not a number, which it reports as 0; so do we.
    """
    share = float(truth.mean())
    mean = float(stretched.mean())
    if share == 0:
        return 1 - mean
    if share == 1:
        return mean
    similarity = 0.5 * _objects(stretched, truth, share) + 0.5 * _regions(stretched, truth)
    return 0.0 if math.isnan(similarity) else max(0.0, similarity)


def _objects(stretched: Floats, truth: Mask, share: float) -> float:
    inside = _object(stretched[truth])
    outside = _object(1 - stretched[~truth])
    return share * inside + (1 - share) * outside


def _object(values: Floats) -> float:
    """Return 2 m / (m^2 + 1 + s): a high mean m with a low deviation s."""
    if values.size < 2:
        return math.nan
    mean = float(values.mean())
    return float(2 * mean / (mean**2 + 1 + values.std(ddof=1) + _EPS))


def _regions(stretched: Floats, truth: Mask) -> float:
    """Similarity of the four rectangles around the truth's centroid, weighted by area."""
    height, width = truth.shape
    truth_px = truth.sum()
    row = int(np.round((truth.sum(axis=1) * np.arange(height)).sum() / truth_px)) + 1
    column = int(np.round((truth.sum(axis=0) * np.arange(width)).sum() / truth_px)) + 1
    score = 0.0
    for rows in (slice(0, row), slice(row, height)):
        for columns in (slice(0, column), slice(column, width)):
            part = truth[rows, columns]
            weight = part.size / truth.size
            score += weight * _similarity(stretched[rows, columns], part)
    return score


def _similarity(stretched: Floats, truth: Mask) -> float:
    """Return the structural similarity (SSIM without its constants) of one rectangle."""
    degrees = stretched.size - 1
    if degrees < 1:
        return math.nan
    map_mean, truth_mean = float(stretched.mean()), float(truth.mean())
    from_map, from_truth = stretched - map_mean, truth - truth_mean
    variances = float((from_map**2).sum() + (from_truth**2).sum()) / degrees
    covariance = float((from_map * from_truth).sum()) / degrees
    top = 4 * map_mean * truth_mean * covariance
    bottom = (map_mean**2 + truth_mean**2) * variances
    if top != 0:
        return float(top / (bottom + _EPS))
    return 1.0 if bottom == 0 else 0.0
