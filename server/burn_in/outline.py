"""Draws a mask's outline into a 4:2:0 picture, as the viewer does by default.

Only the surroundings of the mask are touched, and no picture is turned into RGB and back: at
1080p that would cost more than the encoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from server.masks.look import OUTLINE_RGB

_HALO_KEEPS = 0.4

_BT709 = 1
_KR_KB = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}

Plane = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class YuvPicture:
    """A 4:2:0 picture of video range, in memory of its own.

    Attributes:
        y: [H, W] uint8, H and W even.
        u: [H / 2, W / 2] uint8.
        v: [H / 2, W / 2] uint8.
        is_bt709: Which colour matrix it uses; BT.601 otherwise.
    """

    y: Plane
    u: Plane
    v: Plane
    is_bt709: bool = False

    @classmethod
    def from_rows(cls, rows: Plane, *, is_bt709: bool = False) -> YuvPicture:
        """Take PyAV's array of a yuv420p picture, [H * 3 / 2, W]; planes are views of it."""
        height, width = rows.shape[0] * 2 // 3, rows.shape[1]
        chroma = rows.reshape(-1)[height * width :].reshape(2, height // 2, width // 2)
        return cls(rows[:height], chroma[0], chroma[1], is_bt709)

    def paint(self, where: npt.NDArray[np.bool_], at: tuple[int, int], yuv: Plane) -> None:
        """Give the pixels `where` ([h, w], its corner at row and column `at`) one colour."""
        top, left = at
        height, width = where.shape
        self.y[top : top + height, left : left + width][where] = yuv[0]
        rows, columns = np.nonzero(where)
        rows, columns = (rows + top) // 2, (columns + left) // 2
        self.u[rows, columns] = yuv[1]
        self.v[rows, columns] = yuv[2]


def is_bt709(colorspace: int) -> bool:
    """Whether FFmpeg's number of a colour matrix means BT.709."""
    return colorspace == _BT709


def rgb_to_yuv(rgb: tuple[int, int, int], *, is_bt709: bool) -> Plane:
    """Convert a colour to video range (ITU-R BT.601-7 2.5.3, BT.709-6 3); [3] uint8."""
    kr, kb = _KR_KB["bt709" if is_bt709 else "bt601"]
    r, g, b = (value / 255 for value in rgb)
    luma = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - luma) / (2 - 2 * kb), (r - luma) / (2 - 2 * kr)
    return np.array([16 + 219 * luma, 128 + 224 * u, 128 + 224 * v]).round().astype(np.uint8)


def outline_width_px(height: int) -> int:
    """Width of the outline in a picture of so many lines; `outlineWidthPx` of the viewer."""
    return 2 if height < 400 else max(3, round(height / 240))


def burn_outline(
    picture: YuvPicture,
    mask: npt.NDArray[np.bool_],
    region: tuple[int, int, int, int] | None = None,
) -> None:
    """Draw the outline of a mask into a picture, in place.

    Args:
        picture: What is drawn into.
        mask: [h, w] bool at any size.
        region: The part of the picture that the mask covers, (x, y, width, height) in pixels; the
            whole picture by default.
    """
    height, width = picture.y.shape
    box = region or (0, 0, width, height)
    line = outline_width_px(height)
    grown = _in_picture(mask, box, (height, width), line + 4)
    if grown is None:
        return
    inside, at = grown
    outer, inner = (line + 1) // 2, line // 2
    core = _dilated(inside, outer) & ~_eroded(inside, inner)
    halo = _dilated(inside, outer + 2) & ~_eroded(inside, inner + 1) & ~core
    # A dark rim keeps the line visible on bright mucosa.
    top, left = at
    around = picture.y[top : top + halo.shape[0], left : left + halo.shape[1]]
    around[halo] = 16 + ((around[halo].astype(np.int16) - 16) * _HALO_KEEPS).clip(0)
    picture.paint(core, at, rgb_to_yuv(OUTLINE_RGB, is_bt709=picture.is_bt709))


def _in_picture(
    mask: npt.NDArray[np.bool_],
    box: tuple[int, int, int, int],
    size: tuple[int, int],
    margin: int,
) -> tuple[npt.NDArray[np.bool_], tuple[int, int]] | None:
    """Scale the mask to picture pixels, cropped to its own surroundings; None if it is empty.

    Returns:
        inside: [h, w] bool, and the row and column of its corner in the picture.
    """
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    if not rows.size:
        return None
    x, y, box_width, box_height = box
    scale_y, scale_x = box_height / mask.shape[0], box_width / mask.shape[1]
    top = max(0, y, int(y + rows[0] * scale_y) - margin)
    left = max(0, x, int(x + columns[0] * scale_x) - margin)
    bottom = min(size[0], y + box_height, int(y + (rows[-1] + 1) * scale_y) + margin + 1)
    right = min(size[1], x + box_width, int(x + (columns[-1] + 1) * scale_x) + margin + 1)
    if bottom <= top or right <= left:
        return None
    part = (
        (left - x) / scale_x,
        (top - y) / scale_y,
        (right - x) / scale_x,
        (bottom - y) / scale_y,
    )
    small = Image.fromarray(mask.astype(np.uint8) * 255)
    large = small.resize((right - left, bottom - top), Image.Resampling.BILINEAR, box=part)
    return np.asarray(large) >= 128, (top, left)


def _dilated(inside: npt.NDArray[np.bool_], times: int) -> npt.NDArray[np.bool_]:
    """Grow by one pixel up, down, left and right, so many times."""
    for _ in range(times):
        grown = inside.copy()
        grown[1:] |= inside[:-1]
        grown[:-1] |= inside[1:]
        grown[:, 1:] |= inside[:, :-1]
        grown[:, :-1] |= inside[:, 1:]
        inside = grown
    return inside


def _eroded(inside: npt.NDArray[np.bool_], times: int) -> npt.NDArray[np.bool_]:
    """Shrink likewise; what lies beyond the edge counts as outside, so that outlines are closed."""
    outside = np.pad(~inside, 1, constant_values=True)
    return ~_dilated(outside, times)[1:-1, 1:-1]
