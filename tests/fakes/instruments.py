"""Instruments drawn into pictures: what reaches in from below, shaded like a tube in a light."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tests.fakes.tower_pictures import Pixels

# Colours as in real pictures: sheaths white, bluish, blue; steel.
COLOURS = ((225, 222, 220), (190, 185, 205), (120, 180, 225), (150, 150, 152))

_LARGEST = 4


def draw_instrument(pixels: Pixels, seed: int) -> Pixels:
    """Return the picture with an instrument in it.

    It comes from the lower edge of what is lit, right of the middle, as a short wedge.

    Args:
        pixels: [h, w, 3] RGB.
        seed: Of its place, size, direction and colour.
    """
    rng = np.random.default_rng([seed, 7])
    height, width = pixels.shape[:2]
    x = width * rng.uniform(0.45, 0.72)
    lit = np.flatnonzero(pixels[:, int(x)].max(axis=1) > 8)
    foot = np.array([x, float(lit[-1] if len(lit) else height - 1)])
    angle = np.radians(rng.uniform(-25, 25))
    along = np.array([np.sin(-angle), -np.cos(angle)])
    across = np.array([-along[1], along[0]])
    thick, length = width * rng.uniform(0.1, 0.15), width * rng.uniform(0.16, 0.3)
    low, tip = foot - along * thick, foot + along * length
    corners = [
        low + across * thick / 2, low - across * thick / 2,
        tip - across * thick * 0.3, tip + across * thick * 0.3,
    ]  # fmt: skip
    stencil = Image.new("L", (width * _LARGEST, height * _LARGEST))
    ImageDraw.Draw(stencil).polygon([tuple(_LARGEST * c) for c in corners], fill=255)
    cover = np.asarray(
        stencil.resize((width, height), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.8))
    )
    rows, columns = np.mgrid[:height, :width]
    aside = ((columns - foot[0]) * across[0] + (rows - foot[1]) * across[1]) / (thick / 2)
    shade = 0.6 + 0.45 * np.sqrt(np.clip(1 - aside**2, 0, 1))
    tube = np.array(COLOURS[seed % len(COLOURS)]) * shade[..., None]
    tube += rng.normal(0, 3, tube.shape)
    share = (cover / 255 * (pixels.max(axis=2) > 8))[..., None]
    return (share * tube.clip(0, 255) + (1 - share) * pixels).astype(np.uint8)
