"""What happens to the picture between lens and file: blur, haze, bubbles, enlarging, noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]

FULL_SCALE = 255 * 64


def sharpen(picture: F32, amount: float) -> F32:
    """Enhance edges as an endoscope's processor does.

    Args:
        picture: [3, H, W] float32 in [0, 1].
        amount: Share of the difference to the four neighbours' mean that is added.

    Returns:
        [3, H, W] in [0, 1].
    """
    middle = picture[:, 1:-1, 1:-1]
    around = picture[:, :-2, 1:-1] + picture[:, 2:, 1:-1]
    around += picture[:, 1:-1, :-2]
    around += picture[:, 1:-1, 2:]
    around *= np.float32(-0.25 * amount)
    around += middle * np.float32(1.0 + amount)
    sharp = picture.copy()
    np.clip(around, 0.0, 1.0, out=sharp[:, 1:-1, 1:-1])
    return sharp


def smear(picture: F32, shift_x: float, shift_y: float) -> F32:
    """Blur along a line: motion of the picture during the exposure.

    Args:
        picture: [3, H, W] float32.
        shift_x: Length of the motion along x in pixels.
        shift_y: Length of the motion along y in pixels.

    Returns:
        [3, H, W]; the input itself when the motion is below half a pixel.
    """
    length = float(np.hypot(shift_x, shift_y))
    if length < 0.6:
        return picture
    taps = int(min(9, 2 + length))
    offsets = {
        (round(share * shift_y), round(share * shift_x)) for share in np.linspace(-0.5, 0.5, taps)
    }
    total = np.zeros_like(picture)
    for down, aside in offsets:
        total += shifted(picture, down, aside)
    total *= np.float32(1.0 / len(offsets))
    return total


def shifted(picture: F32, down: int, aside: int) -> F32:
    """Return the picture moved by whole pixels, its edges repeated."""
    height, width = picture.shape[-2:]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - aside, 0, width - 1)
    if down:
        picture = picture.take(rows, axis=-2)
    return picture.take(columns, axis=-1) if aside else picture


def defocus(picture: F32, radius_px: int) -> F32:
    """Blur by two running means of 2 * radius_px + 1 pixels each way."""
    if radius_px < 1:
        return picture
    for axis in (-1, -2, -1, -2):
        picture = _running_mean(picture, radius_px, axis)
    return picture


def _running_mean(picture: F32, radius_px: int, axis: int) -> F32:
    moved = np.moveaxis(picture, axis, -1)
    padded = np.pad(moved, [(0, 0), (0, 0), (radius_px + 1, radius_px)], mode="edge")
    total = np.cumsum(padded, axis=-1, dtype=np.float32)
    size = 2 * radius_px + 1
    mean = (total[..., size:] - total[..., :-size]) * np.float32(1.0 / size)
    return np.moveaxis(mean, -1, axis)


def enlarge(picture: F32, step: int, height: int, width: int) -> NDArray[np.int16]:
    """Interpolate a reduced picture to full size, in 16 bit integers, which are twice as fast.

    Args:
        picture: [C, ceil(height / step), ceil(width / step)] float32 in [0, 1]; what lies outside
            is cut off.
        step: 1 or 2.
        height: Full height.
        width: Full width.

    Returns:
        [C, height, width] int16, FULL_SCALE standing for 1.
    """
    coarse = np.clip(picture * np.float32(FULL_SCALE / 16), 0, FULL_SCALE / 16).astype(np.int16)
    if step == 1:
        fine: NDArray[np.int16] = coarse * np.int16(16)
        return fine
    channels, rows, columns = picture.shape
    tall = np.empty((channels, 2 * rows, columns), dtype=np.int16)
    main = coarse * np.int16(3)
    np.add(main[:, 1:], coarse[:, :-1], out=tall[:, 2::2])
    np.add(main[:, :-1], coarse[:, 1:], out=tall[:, 1:-1:2])
    tall[:, 0], tall[:, -1] = coarse[:, 0] * np.int16(4), coarse[:, -1] * np.int16(4)
    wide = np.empty((channels, 2 * rows, 2 * columns), dtype=np.int16)
    main = tall * np.int16(3)
    np.add(main[..., 1:], tall[..., :-1], out=wide[..., 2::2])
    np.add(main[..., :-1], tall[..., 1:], out=wide[..., 1:-1:2])
    wide[..., 0], wide[..., -1] = tall[..., 0] * np.int16(4), tall[..., -1] * np.int16(4)
    full: NDArray[np.int16] = wide[:, :height, :width]
    return full
