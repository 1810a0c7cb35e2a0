"""Says whether an instrument reaches into a picture: a sheath, forceps, a needle or a clip.

What comes out of the scope's channel enters the lower half of the picture from its edge, as a short
wedge, and is of plastic or metal: as blue as it is green. Mucosa under white light, glare on it
and overexposed folds among it, is greener than blue. Thin wires are not seen.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

_SAMPLED_SIDE = 176
# Levels of 255.
_DARK = 28
_LIT = 60
_LEAST_BLUE = -10
# Green and blue, the smaller, in hundredths of red: mucosa has 40 to 70.
_PALE = 74
# Pixels of the sampled picture.
_EDGE_BLUR = 2
_CONTACT = 5
# Shares of the sampled picture's side, or of its area.
_LEAST_AREA = 0.005
_LEAST_CONTACT = 0.06
_MOST_CONTACT = 0.34
# Share of its convex hull.
_SOLID = 0.8
# Length by width; more only where it is much longer than the edge it touches.
_SLENDER = 2.5
_MOST_SLENDER = 5.0
_MOST_CONTACT_OF_LENGTH = 0.5

_SQUARE = np.ones((3, 3), np.bool_)

_Mask = npt.NDArray[np.bool_]


def has_instrument(pixels: npt.NDArray[np.uint8]) -> bool:
    """Return whether an instrument is seen.

    Args:
        pixels: [h, w, 3] RGB, the endoscopic picture at the model's size.
    """
    step = max(1, round(min(pixels.shape[:2]) / _SAMPLED_SIDE))
    sampled = pixels[::step, ::step].astype(np.int16)
    red, green, blue = sampled[..., 0], sampled[..., 1], sampled[..., 2]
    most = np.maximum(np.maximum(red, green), blue)
    pale = (100 * np.minimum(green, blue) >= _PALE * red) & (most >= _LIT)
    if pale.sum() < _LEAST_AREA * pale.size:
        return False
    outside = _outside(most < _DARK)
    pale &= ~ndimage.binary_dilation(outside, _SQUARE, iterations=_EDGE_BLUR)[1:-1, 1:-1]
    pale = ndimage.binary_opening(pale, _SQUARE)
    edge = ndimage.binary_dilation(outside, _SQUARE, iterations=_CONTACT)[1:-1, 1:-1]
    labels, number = ndimage.label(pale)
    areas = np.bincount(labels.ravel(), minlength=number + 1)
    bluer = blue - green
    return any(
        np.median(bluer[labels == part]) >= _LEAST_BLUE and _reaches_in(labels == part, edge)
        for part in np.flatnonzero(areas >= _LEAST_AREA * pale.size)
        if part
    )


def _outside(dark: _Mask) -> _Mask:
    """Return what is outside the picture, [h + 2, w + 2]: black that joins the frame's sides."""
    padded = np.pad(dark, 1, constant_values=True)
    labels, _ = ndimage.label(padded)
    outside: _Mask = labels == labels[0, 0]
    return outside


def _reaches_in(part: _Mask, edge: _Mask) -> bool:
    """Whether a region has the shape of something that comes in from below."""
    side = min(part.shape)
    rows, _ = np.nonzero(part & edge)
    contact = len(rows) / (_CONTACT - _EDGE_BLUR) / side
    if not _LEAST_CONTACT <= contact <= _MOST_CONTACT or rows.mean() < part.shape[0] / 2:
        return False
    points = np.argwhere(part).astype(np.float64)
    narrow, long = np.linalg.eigvalsh(np.cov(points.T))
    slender = (long / max(narrow, 1e-3)) ** 0.5
    # A line of evenly spread points has a twelfth of its length squared as variance.
    is_along_edge = contact * side > _MOST_CONTACT_OF_LENGTH * (12 * long) ** 0.5
    if slender > (_SLENDER if is_along_edge else _MOST_SLENDER):
        return False
    try:
        hull = ConvexHull(points)
    except QhullError:
        return False
    # The hull goes through the pixels' centres: half a pixel is missing all around.
    return bool(len(points) >= _SOLID * (hull.volume + hull.area / 2 + 1))
