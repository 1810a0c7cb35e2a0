"""What a tower shows when no scope is at work: test pictures, and screens without a signal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Pixels = npt.NDArray[np.uint8]

_EBU = ["white", "yellow", "cyan", "green", "magenta", "red", "blue", "black"]
_RGB = {
    "white": (1, 1, 1), "yellow": (1, 1, 0), "cyan": (0, 1, 1), "green": (0, 1, 0),
    "magenta": (1, 0, 1), "red": (1, 0, 0), "blue": (0, 0, 1), "black": (0, 0, 0),
}  # fmt: skip


def _bars(names: list[str], level: int, height: int, width: int) -> Pixels:
    columns = np.arange(width) * len(names) // width
    colours = np.array([_RGB[name] for name in names]) * level
    return np.broadcast_to(colours[columns], (height, width, 3)).astype(np.uint8).copy()


def ebu_bars(size: tuple[int, int], level: int = 191) -> Pixels:
    """EBU Tech. 3325: eight bars; `level` 191 is 75 %."""
    return _bars(_EBU, level, *size)


def smpte_bars(size: tuple[int, int]) -> Pixels:
    """SMPTE EG 1: seven bars, the castellations, and the lowest row with black steps."""
    height, width = size
    picture = _bars(_EBU[:7], 191, height, width)
    top, middle = height * 2 // 3, height * 3 // 4
    castle = ["blue", "black", "magenta", "black", "cyan", "black", "white"]
    picture[top:middle] = _bars(castle, 191, middle - top, width)
    lowest = np.array(
        [
            (0, 33, 76),
            (255, 255, 255),
            (50, 0, 106),
            (19, 19, 19),
            (8, 8, 8),
            (29, 29, 29),
            (19, 19, 19),
        ]
    )
    picture[middle:] = lowest[np.arange(width) * 7 // width]
    return picture


def grey_staircase(size: tuple[int, int], steps: int = 10) -> Pixels:
    """Steps from black to white."""
    height, width = size
    levels = (np.arange(width) * steps // width) * 255 // (steps - 1)
    return np.broadcast_to(levels[None, :, None], (height, width, 3)).astype(np.uint8).copy()


def circle_card(size: tuple[int, int]) -> Pixels:
    """A test card: a grid on grey, a circle with bars, patches of colour."""
    height, width = size
    image = Image.new("RGB", (width, height), (120, 120, 120))
    draw = ImageDraw.Draw(image)
    cell = max(8, width // 16)
    for x in range(0, width, cell):
        draw.line((x, 0, x, height), fill=(235, 235, 235), width=2)
    for y in range(0, height, cell):
        draw.line((0, y, width, y), fill=(235, 235, 235), width=2)
    radius = height * 2 // 5
    box = (width // 2 - radius, height // 2 - radius, width // 2 + radius, height // 2 + radius)
    inner = Image.new("RGB", (width, height))
    colours = [
        (180, 180, 12),
        (12, 180, 180),
        (12, 180, 12),
        (180, 12, 180),
        (180, 12, 12),
        (12, 12, 180),
    ]
    pen = ImageDraw.Draw(inner)
    for place, colour in enumerate(colours):
        x = box[0] + place * (2 * radius) // 6
        pen.rectangle((x, box[1], x + 2 * radius // 6, height // 2), fill=colour)
    for place in range(6):
        x = box[0] + place * (2 * radius) // 6
        pen.rectangle((x, height // 2, x + 2 * radius // 6, box[3]), fill=(place * 51,) * 3)
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    image.paste(inner, mask=mask)
    return np.asarray(image).copy()


def message_screen(
    size: tuple[int, int], ground: tuple[int, int, int], ink: tuple[int, int, int], text: str
) -> Pixels:
    """Text on one colour."""
    height, width = size
    image = Image.new("RGB", (width, height), ground)
    font = ImageFont.load_default(max(10, height // 10))
    draw = ImageDraw.Draw(image)
    box = draw.textbbox((0, 0), text, font=font)
    draw.text(((width - box[2]) // 2, (height - box[3]) // 2), text, fill=ink, font=font)
    return np.asarray(image).copy()


def one_colour(size: tuple[int, int], colour: tuple[int, int, int]) -> Pixels:
    """A screen of one colour."""
    return np.broadcast_to(np.array(colour, np.uint8), (*size, 3)).copy()


TEST_PICTURES = {
    "ebu 75": ebu_bars,
    "ebu 100": lambda size: ebu_bars(size, 255),
    "smpte": smpte_bars,
    "greys": grey_staircase,
    "horizontal bars": lambda size: ebu_bars(size[::-1]).transpose(1, 0, 2).copy(),
    "circle card": circle_card,
}
NO_SIGNAL = {
    "blue": lambda size: one_colour(size, (16, 16, 200)),
    "blue with text": lambda size: message_screen(
        size, (16, 16, 200), (255, 255, 255), "NO SIGNAL"
    ),
    "black with text": lambda size: message_screen(size, (0, 0, 0), (235, 235, 235), "NO SIGNAL"),
    "grey with text": lambda size: message_screen(size, (90, 90, 90), (255, 255, 255), "No input"),
}
BLANK = {
    "black": lambda size: one_colour(size, (0, 0, 0)),
    "studio black": lambda size: one_colour(size, (16, 16, 16)),
    "grey": lambda size: one_colour(size, (128, 128, 128)),
    "white": lambda size: one_colour(size, (250, 250, 250)),
}
