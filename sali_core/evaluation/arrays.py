"""The arrays of evaluation: what a map, a mask and a curve are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
"""[H, W]: which pixels belong to a polyp."""

GreyMap = npt.NDArray[np.uint8]
"""[H, W]: how sure a method is of each pixel, 0 to 255, as methods publish their maps."""

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


def probability_to_map(probability: npt.NDArray[np.floating]) -> GreyMap:
    """Return probabilities [H, W] in [0, 1] as the 8-bit map one would publish (rounded)."""
    levels: GreyMap = np.rint(np.clip(probability, 0.0, 1.0) * 255).astype(np.uint8)
    return levels


def min_max_map(prediction: GreyMap) -> Floats:
    """Return a map stretched to [0, 1] by its own extremes, as the SUN-SEG toolbox does.

    A constant map cannot be stretched and stays at its level / 255.
    """
    return stretch_levels(prediction / 255, int(prediction.min()), int(prediction.max()))


def stretch_levels(values: Floats, lowest: int, highest: int) -> Floats:
    """Stretch values in [0, 1] so that lowest / 255 becomes 0 and highest / 255 becomes 1."""
    if lowest == highest:
        return values
    return (values - lowest / 255) / (highest / 255 - lowest / 255)
