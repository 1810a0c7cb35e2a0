"""The lines in the corner of a burned picture: what the AI does, and what this is not."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from server.burn_in.outline import YuvPicture
from server.masks.message import NOTICE, StateMessage

_MIN_FONT_PX = 10
_LINES_OF_PICTURE = 32
_PAPER, _INK = 24, 235
_GREY = 128
_MAX_REASON = 80


def caption_lines(
    state: StateMessage, *, without_mask_after_ms: int | None = None
) -> tuple[str, ...]:
    """Return what is written on a picture.

    Args:
        state: What the AI does.
        without_mask_after_ms: How long such a picture waits for its mask, if this one has none; an
            empty mask is one.
    """
    line = f"AI {state.ai_state.upper()}"
    if without_mask_after_ms is not None and state.ai_state == "active":
        line = f"AI: NO MASK FOR THIS PICTURE (it waits {without_mask_after_ms} ms at most)"
    elif state.ai_reason:
        line = f"{line}: {state.ai_reason[:_MAX_REASON]}"
    return line, NOTICE


def burn_caption(picture: YuvPicture, lines: tuple[str, ...]) -> None:
    """Write lines into the upper left corner of a picture, in place, as far as they fit."""
    height, width = picture.y.shape
    size = max(_MIN_FONT_PX, round(height / _LINES_OF_PICTURE))
    text = _rendered(lines, size)
    corner = size // 2 & ~1
    rows, columns = min(text.shape[0], height - corner), min(text.shape[1], width - corner)
    if rows < 2 or columns < 2:
        return
    picture.y[corner : corner + rows, corner : corner + columns] = text[:rows, :columns]
    half = slice(corner // 2, (corner + rows) // 2), slice(corner // 2, (corner + columns) // 2)
    picture.u[half] = _GREY
    picture.v[half] = _GREY


@lru_cache(maxsize=32)
def _rendered(lines: tuple[str, ...], size: int) -> npt.NDArray[np.uint8]:
    """Return light text on a dark box, luma in video range, [h, w] uint8 with even sides."""
    font = ImageFont.load_default(size)
    step = round(size * 1.3)
    measured = [font.getbbox(line) for line in lines]
    width = round(max(box[2] for box in measured)) + size
    image = Image.new("L", ((width + 1) & ~1, (step * len(lines) + size // 2 + 1) & ~1), _PAPER)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((size // 2, size // 4 + number * step), line, fill=_INK, font=font)
    return np.asarray(image)
