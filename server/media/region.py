"""Which part of a frame is given to the model: what people may choose, and rectangles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from server.errors import RegionError

MIN_SIDE_PX = 32
"""Least width and height of a region, source pixels."""

RegionMode = Literal["auto", "full", "rectangle"]
Rectangle = tuple[int, int, int, int]
"""(x, y, width, height) in source pixels."""

_RECTANGLE = re.compile(r"\s*(\d{1,5})\s*,\s*(\d{1,5})\s*,\s*(\d{1,5})\s*,\s*(\d{1,5})\s*")


@dataclass(frozen=True, slots=True)
class RegionChoice:
    """What was chosen for a session.

    Attributes:
        mode: Look for the endoscopic picture, take the whole frame, or take `rectangle`.
        rectangle: As asked for, in "rectangle" mode only.
    """

    mode: RegionMode
    rectangle: Rectangle | None = None


AUTO = RegionChoice("auto")
FULL = RegionChoice("full")


def rectangle_choice(x: int, y: int, width: int, height: int) -> RegionChoice:
    """Return the choice of a rectangle.

    Raises:
        RegionError: It is too small, or begins outside every picture.
    """
    if x < 0 or y < 0:
        raise RegionError(f"region {x},{y},{width},{height}: x and y must not be negative")
    if width < MIN_SIDE_PX or height < MIN_SIDE_PX:
        raise RegionError(
            f"region {x},{y},{width},{height}: {width}x{height} pixels are too few;"
            f" {MIN_SIDE_PX}x{MIN_SIDE_PX} is the least"
        )
    return RegionChoice("rectangle", (x, y, width, height))


def parse_region(text: str) -> RegionChoice:
    """Read a region as people write it: `auto`, `full` or `x,y,width,height` in source pixels.

    Raises:
        RegionError: It is none of these, or a rectangle that cannot be used.
    """
    match text.strip().lower():
        case "auto":
            return AUTO
        case "full":
            return FULL
    found = _RECTANGLE.fullmatch(text)
    if found is None:
        raise RegionError(
            f"region {text.strip()[:40]!r}: use auto, full, or x,y,width,height in pixels"
        )
    x, y, width, height = (int(number) for number in found.groups())
    return rectangle_choice(x, y, width, height)


def fit_rectangle(rectangle: Rectangle, size: tuple[int, int]) -> Rectangle:
    """Cut a rectangle to a picture and widen it to even pixels, as colours are stored.

    Args:
        rectangle: In source pixels.
        size: (width, height) of the picture.

    Returns:
        The part within the picture; the whole picture where that would be too small.
    """
    x, y, width, height = rectangle
    left, top = x - x % 2, y - y % 2
    right = min(size[0], x + width + (x + width) % 2)
    bottom = min(size[1], y + height + (y + height) % 2)
    if right - left < MIN_SIDE_PX or bottom - top < MIN_SIDE_PX:
        return (0, 0, *size)
    return (left, top, right - left, bottom - top)


def chosen_rectangle(choice: RegionChoice, size: tuple[int, int]) -> Rectangle | None:
    """Return what a choice means in a picture of `size` (width, height); None if it is "auto"."""
    if choice.rectangle is not None:
        return fit_rectangle(choice.rectangle, size)
    return (0, 0, *size) if choice.mode == "full" else None


def require_within(choice: RegionChoice, size: tuple[int, int]) -> None:
    """Refuse a rectangle of which too little lies within the picture there is.

    Raises:
        RegionError: It would have to be replaced by the whole picture.
    """
    if choice.rectangle is None:
        return
    x, y, width, height = choice.rectangle
    inside = (min(size[0], x + width) - x, min(size[1], y + height) - y)
    if min(inside) < MIN_SIDE_PX:
        raise RegionError(
            f"region {x},{y},{width},{height} lies outside the picture of {size[0]}x{size[1]}"
        )
