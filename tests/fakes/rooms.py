"""Made-up views of an endoscopy room, as a scope outside the body may show them.

No real picture of such a room was at hand. What is rendered is what such pictures have in common:
areas of cloth, wall, metal and skin in the light of the scope or of a lamp, out of focus, with
noise and glare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Pixels = npt.NDArray[np.uint8]

_COLOURS = {
    "wall": (0.82, 0.82, 0.80), "ceiling": (0.93, 0.94, 0.95), "steel": (0.62, 0.64, 0.66),
    "blue drape": (0.16, 0.38, 0.66), "green drape": (0.14, 0.48, 0.36),
    "glove": (0.45, 0.55, 0.80),
    "white glove": (0.88, 0.88, 0.86), "skin": (0.80, 0.58, 0.47), "floor": (0.45, 0.47, 0.50),
    "screen": (0.05, 0.06, 0.09),
}  # fmt: skip


@dataclass(frozen=True)
class Room:
    """What stands in a view, by share of its area, and how it is lit: `gain` 1 exposes white."""

    shares: dict[str, float]
    gain: float = 0.95
    falloff: float = 0.3
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)


ROOMS = {
    "bright wall": Room({"wall": 0.8, "steel": 0.2}),
    "ceiling": Room({"ceiling": 0.9, "steel": 0.1}, gain=0.97),
    "dark with a lamp": Room({"floor": 0.6, "wall": 0.4}, gain=0.35, falloff=0.75),
    "blue drapes": Room({"blue drape": 0.7, "wall": 0.2, "skin": 0.1}),
    "green drapes": Room({"green drape": 0.7, "wall": 0.2, "skin": 0.1}),
    "gloves": Room({"glove": 0.45, "blue drape": 0.3, "white glove": 0.25}),
    "trolley": Room({"steel": 0.5, "wall": 0.3, "screen": 0.2}),
    "skin and drape": Room({"skin": 0.15, "blue drape": 0.5, "wall": 0.35}),
    "warm lamp": Room({"wall": 0.7, "steel": 0.3}, tint=(1.03, 1.0, 0.96)),
}


def render_room(room: Room, size: tuple[int, int], seed: int, time_s: float = 0.0) -> Pixels:
    """Draw a room; the camera drifts with time.

    Args:
        room: What is in it.
        size: (height, width).
        seed: Of the arrangement; the noise depends on the time too.
        time_s: Time.
    """
    height, width = size
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    y, x = y / height + 0.1 * np.sin(0.7 * time_s), x / width + 0.12 * time_s
    # Areas: the nearest of some seeds decides what stands there.
    names = list(room.shares)
    kinds = rng.choice(len(names), 14, p=np.array(list(room.shares.values())))
    points = rng.uniform(-0.3, 1.6, (14, 2))
    distance = [(y - py) ** 2 + (x - px) ** 2 for py, px in points]
    owner = kinds[np.argmin(distance, axis=0)]
    picture = np.array([_COLOURS[name] for name in names])[owner]
    cloth = ndimage.gaussian_filter(rng.normal(size=(height, width)), height / 30)
    picture = picture * (1 + 1.2 * cloth / max(1e-6, float(np.abs(cloth).max())) * 0.15)[..., None]
    fall = 1 - room.falloff * np.clip(((y - 0.5) ** 2 + (x - 0.5) ** 2) * 2, 0, 1)
    picture = picture * fall[..., None] * room.gain * np.array(room.tint)
    picture = ndimage.gaussian_filter(picture, (height / 120, width / 120, 0))
    lamp = np.exp(-(((y - 0.2) ** 2 + (x - 0.7) ** 2) / 0.004))
    picture = picture + 1.2 * lamp[..., None]
    noise = np.random.default_rng((seed, round(time_s * 1000))).normal(0, 0.012, picture.shape)
    return np.clip(255 * np.clip(picture, 0, 1) ** (1 / 1.4) + 255 * noise, 0, 255).astype(np.uint8)


def narrow_band(white: Pixels, kind: str = "nbi") -> Pixels:
    """Make narrow band colours of a picture under white light, as its two bands are shown.

    The green band (540 nm) goes to red, the blue band (415 nm) to green and blue; "bli" keeps more
    blue. Real bands are narrower than a camera's colours: an approximation.
    """
    gains = {"nbi": (0.80, 1.15, 1.00), "bli": (0.55, 1.05, 1.20), "pale": (0.95, 1.10, 1.02)}[kind]
    green, blue = white[..., 1].astype(float), white[..., 2].astype(float)
    red_out = gains[0] * green
    bands = np.stack([red_out, gains[1] * blue, gains[2] * blue], -1)
    return np.clip(1.15 * bands, 0, 255).astype(np.uint8)
