"""Says whether a picture is too poor to be judged by: blurred, dark or washed out.

Blur is told by how much of the change over a longer distance happens over a short one, along the
direction that has less of it: smear blurs one direction only. Brightness does not enter.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

_SAMPLED_SIDE = 176
_FAR = 6
# Above all that was put out of focus, a twentieth below the least sharp of 202 stills.
_SHARP = 0.205
_LIT_LEVEL = 76
_WHITE_LEVEL = 240
_WHITE_SHARE = 0.25


class Poor(StrEnum):
    """Why a picture is poor; the values are those of the wire protocol."""

    BLUR = "blur"
    DARK = "dark"
    WASHED_OUT = "washed_out"

    @property
    def reason(self) -> str:
        """For people."""
        return f"view poor: {_WORDS[self]}"


_WORDS = {Poor.BLUR: "blurred", Poor.DARK: "dark", Poor.WASHED_OUT: "washed out"}


def judge_quality(pixels: npt.NDArray[np.uint8]) -> Poor | None:
    """Return what is wrong with a picture; None if it will do.

    Args:
        pixels: [h, w, 3] RGB, a picture of the inside of a body at the model's size.
    """
    step = max(1, round(min(pixels.shape[:2]) / _SAMPLED_SIDE))
    green = pixels[::step, ::step, 1].astype(np.int16)
    if float(np.percentile(pixels[:: 4 * step, :: 4 * step].max(axis=2), 75)) < _LIT_LEVEL:
        return Poor.DARK
    if float((green >= _WHITE_LEVEL).mean()) > _WHITE_SHARE:
        return Poor.WASHED_OUT
    return Poor.BLUR if min(_sharpness(green), _sharpness(green.T)) < _SHARP else None


def _sharpness(levels: npt.NDArray[np.int16]) -> float:
    """Mean change over one step as a share of that over `_FAR`; a smooth slope has 1 / `_FAR`."""
    near = float(np.abs(levels[1:] - levels[:-1]).mean())
    far = float(np.abs(levels[_FAR:] - levels[:-_FAR]).mean())
    return near / max(far, 0.1)
