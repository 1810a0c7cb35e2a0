"""Frames as endoscopy towers lay them out: a moving scene among borders, text and thumbnails."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from sali_core.data.phantom import Phantom, PhantomConfig

Frame = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]

TEXT = """ID 0000-0000  Sex: F  Age: 54
12/03/2026 10:41:07
Physician: SAMPLE
Gain 3  Enh A5  Zoom x1.0"""
_SCENE_FRAMES = 12


@dataclass(frozen=True)
class Layout:
    """Where things lie in a frame; boxes are (x, y, width, height), texts (x, y, size)."""

    name: str
    size: tuple[int, int]
    box: Box
    shape: Literal["rectangle", "octagon", "rounded", "circle", "clipped circle"] = "rectangle"
    border: tuple[int, int, int] = (0, 0, 0)
    texts: tuple[tuple[int, int, int], ...] = ()
    thumbnails: tuple[Box, ...] = ()
    logos: tuple[Box, ...] = ()
    frame_in_frame: Box | None = None
    noise: float = 0.0
    seed: int = 7

    def render(self, index: int, brightness: float = 1.0) -> Frame:
        """Draw frame `index`, its scene dimmed or not; nobody may write into it."""
        return _render(self, index if self.noise else index % _SCENE_FRAMES, brightness)

    def draw(self, index: int, brightness: float) -> Frame:
        """Draw without remembering."""
        width, height = self.size
        canvas = Image.new("RGB", self.size, self.border)
        draw = ImageDraw.Draw(canvas)
        if self.frame_in_frame is not None:
            x, y, w, h = self.frame_in_frame
            draw.rectangle((x, y, x + w - 1, y + h - 1), fill=(96, 96, 96))
        for x, y, size in self.texts:
            font = ImageFont.load_default(size)
            draw.multiline_text((x, y), TEXT, fill=(230, 230, 230), font=font, spacing=4)
        for number, box in enumerate((*self.thumbnails, *self.logos)):
            is_logo = number >= len(self.thumbnails)
            colour = (30, 110, 200) if is_logo else None
            _paste(canvas, box, colour or scene(self.seed + 1, 3), "rectangle", 1.0)
        _paste(canvas, self.box, scene(self.seed, index), self.shape, brightness)
        if not self.noise:
            return np.asarray(canvas)
        random = np.random.default_rng(index)
        noisy = np.asarray(canvas) + random.normal(0, self.noise, (height, width, 1))
        return noisy.clip(0, 255).astype(np.uint8)


@lru_cache(maxsize=40)
def _render(layout: Layout, index: int, brightness: float) -> Frame:
    return layout.draw(index, brightness)


@cache
def scene(seed: int, index: int) -> Image.Image:
    """One frame of a phantom scene without its own border."""
    picture = _phantom(seed).render(index % _SCENE_FRAMES).image
    return Image.fromarray(picture)


@cache
def _phantom(seed: int) -> Phantom:
    config = PhantomConfig(
        width=320, height=256, fps=25.0, seconds=4.0, seed=seed, border=False, degraded=False
    )
    return Phantom(config)


def _paste(
    canvas: Image.Image,
    box: Box,
    content: Image.Image | tuple[int, int, int],
    shape: str,
    brightness: float,
) -> None:
    x, y, width, height = box
    if isinstance(content, tuple):
        picture = Image.new("RGB", (width, height), content)
    else:
        picture = content.resize((width, height))
    if brightness != 1.0:
        picture = picture.point(lambda level: int(level * brightness))
    canvas.paste(picture, (x, y), _shape_mask(shape, width, height))


def _shape_mask(shape: str, width: int, height: int) -> Image.Image:
    mask = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(mask)
    right, bottom = width - 1, height - 1
    match shape:
        case "rectangle":
            draw.rectangle((0, 0, right, bottom), fill=255)
        case "octagon":
            cut = min(width, height) // 5
            draw.polygon(
                [(cut, 0), (right - cut, 0), (right, cut), (right, bottom - cut),
                 (right - cut, bottom), (cut, bottom), (0, bottom - cut), (0, cut)],
                fill=255,
            )  # fmt: skip
        case "rounded":
            draw.rounded_rectangle((0, 0, right, bottom), min(width, height) // 6, fill=255)
        case "circle":
            draw.ellipse((0, 0, right, bottom), fill=255)
        case _:
            # A circle wider than the box is high, as many processors show it.
            spill = (width - height) // 2
            draw.ellipse((0, -spill, right, bottom + spill), fill=255)
    return mask


LAYOUTS = (
    Layout("border left", (1280, 720), (520, 0, 760, 720), texts=((24, 60, 22),)),
    Layout("border right", (720, 576), (0, 0, 540, 576), texts=((560, 40, 12),)),
    Layout("border top", (640, 480), (0, 64, 640, 416), texts=((8, 4, 11),)),
    Layout("letterboxed", (1280, 720), (0, 90, 1280, 540)),
    Layout("pillarboxed", (1920, 1080), (240, 0, 1440, 1080)),
    Layout("grey border", (1280, 720), (400, 40, 800, 640), border=(72, 72, 74)),
    Layout("blue border", (1280, 720), (400, 40, 800, 640), border=(16, 24, 96)),
    Layout(
        "octagon with text", (1920, 1080), (660, 20, 1200, 1040), "octagon",
        texts=((40, 80, 30), (40, 700, 26)),
    ),
    Layout("octagon in the whole frame", (640, 480), (0, 0, 640, 480), "octagon"),
    Layout("rounded corners", (720, 576), (160, 30, 530, 520), "rounded", border=(18, 18, 18)),
    Layout("circle", (1280, 720), (300, 20, 680, 680), "circle"),
    Layout("circle cut above and below", (1280, 720), (240, 60, 800, 600), "clipped circle"),
    Layout(
        "picture in picture", (1920, 1080), (620, 40, 1240, 1000), "octagon",
        thumbnails=((60, 700, 480, 320),), texts=((60, 60, 28),),
    ),
    Layout(
        "row of thumbnails", (1280, 720), (330, 20, 920, 600),
        thumbnails=((330, 636, 110, 76), (460, 636, 110, 76), (590, 636, 110, 76)),
        texts=((20, 40, 18),),
    ),
    Layout(
        "thumbnail that touches the picture", (1280, 720), (400, 20, 860, 680),
        thumbnails=((180, 500, 220, 200),),
    ),
    Layout("small picture", (1920, 1080), (900, 200, 560, 440), texts=((60, 200, 40),)),
    Layout("tiny picture", (1920, 1080), (1400, 60, 430, 380), "octagon"),
    Layout("noise in black", (640, 480), (150, 30, 460, 420), "octagon", noise=6.0),
    Layout(
        "logo beside the picture", (1280, 720), (420, 30, 820, 660), "rounded",
        logos=((60, 60, 260, 90),), texts=((60, 520, 20),),
    ),
    Layout(
        "text that touches the picture", (1280, 720), (420, 40, 820, 640), texts=((404, 560, 20),),
    ),
    Layout(
        "computer frame within bars", (1920, 1080), (700, 160, 900, 760),
        frame_in_frame=(240, 0, 1440, 1080), texts=((280, 120, 24),),
    ),
    Layout("no border", (640, 480), (0, 0, 640, 480)),
    Layout("no border, large", (1920, 1080), (0, 0, 1920, 1080), seed=3),
)  # fmt: skip
