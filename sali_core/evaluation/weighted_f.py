"""Weighted F-measure: errors count by where they lie.

Margolin, Zelnik-Manor, Tal, "How to evaluate foreground maps?", CVPR 2014, with the SUN-SEG
toolbox's conventions (beta^2 = 1, a 7 x 7 Gaussian of sigma 5, zeros outside the picture).
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d, distance_transform_edt

from sali_core.evaluation.arrays import Floats, Mask

_EPS = np.spacing(1)
_REACH = 3
_GAUSSIAN = np.exp(-(np.arange(-_REACH, _REACH + 1) ** 2) / (2 * 5**2))
_GAUSSIAN /= _GAUSSIAN.sum()


def weighted_f_measure(stretched: Floats, truth: Mask) -> float:
    """Return the weighted F-measure of a stretched map in [0, 1], both [H, W]; 0 without truth.

    An error inside the truth weighs less among errors near it (the Gaussian); one outside weighs
    2 - 0.5^(d / 5) at the distance d pixels from the truth. With the weighted errors E and T true
    pixels, R = 1 - mean E inside, TP = T - sum E inside, P = TP / (TP + sum E outside):

        F = 2 R P / (R + P)
    """
    if not truth.any():
        return 0.0
    distance, nearest = distance_transform_edt(~truth, return_indices=True)
    error = np.abs(stretched - truth)
    inside = np.minimum(error, _smoothed(error, truth, nearest))[truth]
    outside = (error * (2 - np.exp(np.log(0.5) / 5 * distance)))[~truth]
    hits = float(inside.size - inside.sum())
    recall = 1 - float(inside.mean())
    precision = hits / (hits + float(outside.sum()) + _EPS)
    return float(2 * recall * precision / (recall + precision + _EPS))


def _smoothed(error: Floats, truth: Mask, nearest: Floats) -> Floats:
    """Smooth the errors, each pixel outside taking that of the nearest pixel inside.

    Only values inside the truth are read, so only the rectangle around it is computed; the rest
    of the result is the unsmoothed error.
    """
    window = tuple(
        slice(max(int(places[0]) - _REACH, 0), int(places[-1]) + _REACH + 1)
        for places in (np.flatnonzero(truth.any(axis=axis)) for axis in (1, 0))
    )
    rows, columns = nearest[0][window], nearest[1][window]
    spread = error[rows, columns]
    for axis in (0, 1):
        spread = convolve1d(spread, _GAUSSIAN, axis=axis, mode="constant", cval=0.0)
    smoothed: Floats = error.copy()
    smoothed[window] = spread
    return smoothed
