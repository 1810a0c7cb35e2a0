"""Says from one small picture what it shows: mucosa, or one of the things a mask never belongs on.

What carries every decision is colour: lit mucosa under white light is red before green and blue
almost everywhere, and nothing that is mostly so is ever called anything but `in_body`. Only of a
picture that is not, the rest is asked: is it flat, does it repeat along one side, is it of colours
that no imaging of mucosa gives. In doubt it is `other_imaging`, which keeps its masks.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from server.media.view import View

Cells = npt.NDArray[np.int16]
_Mask = npt.NDArray[np.bool_]

# Levels of 255.
_LIT = 45
_CLIPPED = 245
_ALIKE = 5
_STEP = 16
_COLOURED = 60
# Red in hundredths of green and of blue.
_WARMTH = 110
# Shares of the picture, or of its lit cells.
_MUCOSA = 0.30
_LEAST_WARM = 0.01
_ONE_COLOUR = 0.97
_MOSTLY_ONE_COLOUR = 0.80
_LEAST_TEXT = 0.003
_STRAIGHT = 0.85
_BANDED = 0.75
_FOREIGN = 0.5
_LEAST_LIT = 0.3
_LEAST_USABLE = 0.7
_BANDS = 5
_LEAST_BAND = 2
_PATCHES = 4
_LEAST_PATCH = 0.02
_COLD_PATCHES = 2


def glance(cells: Cells) -> View:
    """Say what one picture shows.

    Args:
        cells: [h, w, 3] int16 RGB, 0 to 255: about every eighth pixel of the model's picture.
    """
    red, green, blue = cells[:, :, 0], cells[:, :, 1], cells[:, :, 2]
    most, least = cells.max(axis=2), cells.min(axis=2)
    is_lit = most >= _LIT
    is_warm = (100 * red >= _WARMTH * green) & (100 * red >= _WARMTH * blue)
    usable = is_lit & (most < _CLIPPED)
    # What is clipped was warmer still. A picture without light has no colour.
    warm_share = float((is_warm & is_lit).mean())
    is_coloured = is_lit & (least < _CLIPPED)
    if warm_share >= _MUCOSA * float(is_coloured.mean()) and warm_share >= _LEAST_WARM:
        return View.IN_BODY
    if _has_bands(cells) or _has_bands(cells.transpose(1, 0, 2)) or _has_patches(cells):
        return View.BARS
    flat = _flat_view(cells)
    if flat is not None:
        return flat
    # Too dark, or washed out: what colour things are cannot be told.
    if float(usable.mean()) < max(_LEAST_LIT, _LEAST_USABLE * float(is_lit.mean())):
        return View.IN_BODY
    return _lit_view(most, least, red, green, blue, usable)


def _flat_view(cells: Cells) -> View | None:
    """Return what a picture of (nearly) one colour is; None for others."""
    flat = cells.reshape(-1, 3)
    colour = np.median(flat, axis=0).astype(np.int16)
    distance = np.abs(flat - colour).max(axis=1)
    share = float((distance <= _ALIKE).mean())
    if share < _MOSTLY_ONE_COLOUR:
        return None
    # Text and logos stand out; the dim rest of a dark scene does not.
    written = float((distance >= 2 * _LIT).mean())
    is_coloured = int(colour.max()) - int(colour.min()) > _COLOURED
    if is_coloured or (written >= _LEAST_TEXT and 2 * written >= 1 - share - _LEAST_TEXT):
        return View.NO_SIGNAL
    return View.BLANK if share >= _ONE_COLOUR or int(cells.max()) < _LIT else None


def _has_bands(cells: Cells) -> bool:
    """Whether the upper part is columns of one colour each: bars or a staircase of greys."""
    height = cells.shape[0]
    part = cells[height // 10 : height // 2]
    profile = np.median(part, axis=0)
    is_straight = np.percentile(np.abs(part - profile).max(axis=2), 90, axis=0) <= _ALIKE
    if float(is_straight.mean()) < _STRAIGHT:
        return False
    edges = np.flatnonzero(np.abs(np.diff(profile, axis=0)).max(axis=1) > _ALIKE)
    begins = np.concatenate(([0], edges + 1))
    ends = np.concatenate((edges + 1, [len(profile)]))
    bands = [(a, b) for a, b in zip(begins, ends, strict=True) if b - a >= _LEAST_BAND]
    colours = [np.median(profile[a:b], axis=0) for a, b in bands]
    changes = sum(float(np.abs(one - other).max()) >= _STEP for one, other in pairwise(colours))
    width = sum(b - a for a, b in bands)
    return changes >= _BANDS - 1 and width >= _BANDED * len(profile)


def _has_patches(cells: Cells) -> bool:
    """Whether there are flat patches of several colours, some of them cold: a drawn picture."""
    inner = cells[1:-1, 1:-1]
    is_flat = np.ones(inner.shape[:2], np.bool_)
    for neighbour in (cells[:-2, 1:-1], cells[2:, 1:-1], cells[1:-1, :-2], cells[1:-1, 2:]):
        is_flat &= np.abs(inner - neighbour).max(axis=2) <= _ALIKE
    found = inner[is_flat]
    coarse = found >> 5
    numbers, counts = np.unique(
        (coarse[:, 0] << 6) | (coarse[:, 1] << 3) | coarse[:, 2], return_counts=True
    )
    patches = numbers[counts >= _LEAST_PATCH * is_flat.size]
    red, green, blue = patches >> 6, (patches >> 3) & 7, patches & 7
    cold = np.maximum(green, blue) >= red + 3
    return len(patches) >= _PATCHES and int(cold.sum()) >= _COLD_PATCHES


def _lit_view(
    most: Cells, least: Cells, red: Cells, green: Cells, blue: Cells, is_lit: _Mask
) -> View:
    """Tell a room from mucosa in other colours, of a picture that is not warm."""
    lit = max(1, int(is_lit.sum()))
    chroma = most - least
    is_neutral = 10 * chroma <= most
    is_strong = 4 * chroma >= most
    # Cyan, between blue and green, is what narrow bands give.
    is_blue = is_strong & (blue == most) & (10 * (green - least) <= 5 * chroma)
    is_green = is_strong & (green == most) & (10 * (blue - least) <= 7 * chroma)
    foreign = int(((is_neutral | is_blue | is_green) & is_lit).sum())
    return View.OUT_OF_BODY if foreign >= _FOREIGN * lit else View.OTHER_IMAGING
