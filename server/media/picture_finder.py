"""Finds the endoscopic picture in one small copy of a frame: borders, text and thumbnails off.

A border is what the frame's sides show: flat, and neutral or cold in colour, as no mucosa is. What
differs from it is lit; lit patches too thin for a picture are text. Of the patches that remain,
the largest is the picture, and each of its sides is looked for as a straight line on which the
light begins in many rows at once. The edge of a dark lumen is not straight, and is not believed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Cells = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Box = tuple[int, int, int, int]
_Sureness = tuple[bool, bool, bool, bool]

_MAX_BORDER_LEVEL = 170
_MAX_WARMTH = 14
_FLAT_SHARE = 0.5
_FLAT_SHARE_ALL_AROUND = 0.85
_FLAT_LEVELS = 8
_ALIKE_LEVELS = 3
_LEAST_STEP = 7
_MOST_STEP = 40
_NOISE_STEPS = 3.0
_TEXT_SHARE = 0.06
_SOLID_SHARE = 0.8
_DARK_SCENE_STEP = 0.6
_DARK_SCENE_SHARE = 0.2
_LEAST_AREA = 0.03
_LEAST_LINE = 0.15
_CLEAR_LINE = 0.5
_NEARLY = 0.9
_OWN_LINE = 0.15
_FRAMES_IN_FRAMES = 3


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where the picture lies in a frame, as one look saw it.

    Attributes:
        edges: (left, top, right, bottom) in the unit of the look, right and bottom exclusive.
        are_sure: Which of them are straight lines between border and picture, or ends of the
            frame with picture up to them; the others are as far out as can be.
    """

    edges: tuple[float, float, float, float]
    are_sure: _Sureness


def find_picture(cells: Cells) -> Sighting | None:
    """Find the picture in a frame; None where the frame is dark or blank.

    Args:
        cells: [h, w, 3] uint8 RGB, the frame at about 300 cells a side.
    """
    height, width = cells.shape[:2]
    box: Box = (0, 0, width, height)
    are_sure: _Sureness = (True, True, True, True)
    for depth in range(_FRAMES_IN_FRAMES):
        left, top, right, bottom = box
        view = cells[top:bottom, left:right]
        borders = _border_colours(view, is_nested=depth > 0)
        if not borders:
            return None if depth == 0 and _is_blank(view) else Sighting(box, are_sure)
        found = _find_within(view, borders)
        if found is None:
            return None
        inner, are_sure = found
        box = (left + inner[0], top + inner[1], left + inner[2], top + inner[3])
        if inner == (0, 0, right - left, bottom - top):
            break
    return Sighting(box, are_sure)


@dataclass(frozen=True, slots=True)
class _Border:
    """A colour that borders the picture, and the least difference from it that is light."""

    colour: npt.NDArray[np.int16]
    step: float


def _border_colours(view: Cells, *, is_nested: bool) -> list[_Border]:
    """Return the colours of the sides that show a border; for a frame in a frame, all must."""
    height, width = view.shape[:2]
    rows, columns = max(1, round(0.015 * height)), max(1, round(0.015 * width))
    sides = (view[:, :columns], view[:, -columns:], view[:rows], view[-rows:])
    borders = [border for side in sides if (border := _border_of(side, is_nested)) is not None]
    different: list[_Border] = []
    for border in sorted(borders, key=lambda border: border.step):
        if all(int(np.abs(border.colour - d.colour).max()) > _ALIKE_LEVELS for d in different):
            different.append(border)
    if is_nested and (len(borders) < len(sides) or len(different) > 1):
        return []
    return different


def _border_of(side: Cells, is_nested: bool) -> _Border | None:
    cells = side.reshape(-1, 3).astype(np.int16)
    colour = np.median(cells, axis=0).astype(np.int16)
    red, green, blue = (int(level) for level in colour)
    if max(red, green, blue) > _MAX_BORDER_LEVEL or red - min(green, blue) > _MAX_WARMTH:
        return None
    distance = np.abs(cells - colour).max(axis=1)
    noise = 1.48 * float(np.median(distance))
    is_near = distance <= max(_FLAT_LEVELS, 3 * noise)
    if noise > _FLAT_LEVELS or is_near.mean() < (
        _FLAT_SHARE_ALL_AROUND if is_nested else _FLAT_SHARE
    ):
        return None
    return _Border(colour, min(_MOST_STEP, _LEAST_STEP + _NOISE_STEPS * noise))


def _is_blank(view: Cells) -> bool:
    """Whether a frame without borders shows nothing: one colour all over, or darkness."""
    return int(view.max()) < 40 or float(view[:, :, 1].std()) < 4


def _find_within(view: Cells, borders: list[_Border]) -> tuple[Box, _Sureness] | None:
    """Return the picture's box in a bordered view and which of its sides are sure."""
    steps = _steps_from(view, borders)
    is_lit = steps > 1.0
    solid = is_lit & _solid(is_lit)
    box = _largest_patch(solid)
    if box is None:
        return None
    left, top, right, bottom = box
    patch = solid[top:bottom, left:right]
    if patch.sum() < _LEAST_AREA * is_lit.size:
        return None
    inner_left, is_left_sure = _leading_edge(patch)
    inner_right, is_right_sure = _leading_edge(patch[:, ::-1])
    inner_top, is_top_sure = _leading_edge(patch.T)
    inner_bottom, is_bottom_sure = _leading_edge(patch.T[:, ::-1])
    height, width = is_lit.shape
    left, top = left + inner_left, top + inner_top
    right, bottom = right - inner_right, bottom - inner_bottom
    are_sure = (
        is_left_sure and _is_border(steps[top:bottom, :left]),
        is_top_sure and _is_border(steps[:top, left:right].T),
        is_right_sure and _is_border(steps[top:bottom, right:][:, ::-1]),
        is_bottom_sure and _is_border(steps[bottom:, left:right][::-1].T),
    )
    # A side that is not sure is as far out as can be.
    inner = (left, top, right, bottom)
    outer = (0, 0, width, height)
    edges = [a if is_sure else b for a, b, is_sure in zip(inner, outer, are_sure, strict=True)]
    return (edges[0], edges[1], edges[2], edges[3]), are_sure


def _steps_from(view: Cells, borders: list[_Border]) -> npt.NDArray[np.float32]:
    """Return each cell's distance from the nearest border colour, in steps of that border."""
    nearest = np.full(view.shape[:2], np.inf, np.float32)
    # Plane by plane: three times as fast as the maximum over an axis of three.
    red, green, blue = (view[:, :, channel].astype(np.int16) for channel in range(3))
    for border in borders:
        distance = np.abs(red - border.colour[0])
        np.maximum(distance, np.abs(green - border.colour[1]), out=distance)
        np.maximum(distance, np.abs(blue - border.colour[2]), out=distance)
        np.minimum(nearest, distance * np.float32(1 / border.step), out=nearest)
    return nearest


def _is_border(steps: npt.NDArray[np.float32]) -> bool:
    """Whether what lies outside a line is a border, text on it aside, and no dark part of a scene.

    Args:
        steps: [h, w] distance from the border's colour, the last columns next to the line.
    """
    # Next to the line the picture's light spills over.
    dark = steps[:, :-2][steps[:, :-2] <= 1.0]
    return not len(dark) or float((dark > _DARK_SCENE_STEP).mean()) < _DARK_SCENE_SHARE


def _solid(is_lit: Mask) -> Mask:
    """Mark the squares, wider than text is high, that are lit nearly all over."""
    size = max(3, round(_TEXT_SHARE * min(is_lit.shape)))
    if min(is_lit.shape) <= size:
        return is_lit
    is_full = _square_sums(is_lit, size) >= _SOLID_SHARE * size * size
    # Every cell of a full square: squares that begin up to `size - 1` before the cell.
    spread = np.pad(is_full, size - 1)
    return _square_sums(spread, size) > 0


def _square_sums(mask: Mask, size: int) -> npt.NDArray[np.int32]:
    """Sum each `size` x `size` square that lies within [h, w]; [h - size + 1, w - size + 1]."""
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), np.int32)
    sums[1:, 1:] = mask.cumsum(axis=0, dtype=np.int32).cumsum(axis=1)
    return sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]


def _largest_patch(mask: Mask) -> Box | None:
    """Cut at empty columns and rows, keep the part with most cells, until nothing is cut off."""
    left, top, right, bottom = 0, 0, mask.shape[1], mask.shape[0]
    for _ in range(8):
        before = (left, top, right, bottom)
        run = _heaviest_run(mask[top:bottom, left:right].sum(axis=0))
        if run is None:
            return None
        left, right = left + run[0], left + run[1]
        run = _heaviest_run(mask[top:bottom, left:right].sum(axis=1))
        if run is None:
            return None
        top, bottom = top + run[0], top + run[1]
        if (left, top, right, bottom) == before:
            break
    return left, top, right, bottom


def _heaviest_run(weights: npt.NDArray[np.int64]) -> tuple[int, int] | None:
    """Return the stretch of non-zero weights with the greatest sum."""
    steps = np.flatnonzero(np.diff(np.concatenate(([0], weights > 0, [0]))))
    if not len(steps):
        return None
    runs = steps.reshape(-1, 2)
    total = np.concatenate(([0], weights.cumsum()))
    start, end = runs[np.argmax(total[runs[:, 1]] - total[runs[:, 0]])]
    return int(start), int(end)


def _leading_edge(patch: Mask) -> tuple[int, bool]:
    """Find the line at which the rows of a patch begin to be lit.

    The outermost line that enough rows share is the edge, unless one further in is far clearer:
    then the outer one belongs to something small that touches the picture.

    Args:
        patch: [h, w] bool, from the edge's side inwards.

    Returns:
        The line's distance from the patch's own side, and whether the line can be believed.
    """
    rows, columns = patch.shape
    starts = patch.argmax(axis=1)[patch.any(axis=1)]
    reach = 1 + round(0.01 * columns)
    begins = np.bincount(starts, minlength=columns + reach) / rows
    shares = np.convolve(begins, np.ones(reach + 1), "valid")
    lines = np.flatnonzero(shares >= _LEAST_LINE)
    if not len(lines):
        return 0, False
    line, clearest = _settle(shares, begins, int(lines[0]), reach), int(shares.argmax())
    if shares[clearest] >= _CLEAR_LINE and shares[clearest] >= 2 * shares[line]:
        line = _settle(shares, begins, clearest, reach)
    return line, True


def _settle(
    shares: npt.NDArray[np.float64], begins: npt.NDArray[np.float64], line: int, reach: int
) -> int:
    """Move a line inwards while its window comes to hold more, and still holds nearly as much.

    A column at which many rows begin is not passed.
    """
    stops = np.flatnonzero(begins[line : line + reach + 1] >= _OWN_LINE)
    near = shares[line : line + (int(stops[0]) if len(stops) else reach) + 1]
    return line + int(np.flatnonzero(near >= _NEARLY * near.max())[-1])
