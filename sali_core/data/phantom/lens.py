"""The endoscope's lens: a wide equidistant projection behind an octagonal mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sali_core.data.phantom.look import SceneLook

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]


class Lens:
    """Rays of the reduced picture and the octagon of the full one.

    Camera axes: x right, y down, z forwards. A ray at angle a from z lands focal_px * a pixels
    from the picture's centre.

    Attributes:
        rays: [3, rows * columns] float32 unit vectors, row by row, of the reduced picture.
        rows: Height of the reduced picture, ceil(height / step).
        columns: Width of the reduced picture, ceil(width / step).
        focal_px: Reduced pixels for each radian.
        inside: [height, width] bool, True where the octagon shows the picture.
    """

    def __init__(self, width: int, height: int, step: int, look: SceneLook, border: bool) -> None:
        """Prepare the lens for frames of `width` x `height`, one ray every `step` pixels."""
        self.step = step
        self.rows = -(-height // step)
        self.columns = -(-width // step)
        reach = max(width, 1.15 * height) / (2.0 * step)
        self.focal_px = reach / look.half_fov
        self._centre = ((width / step - 1.0) / 2.0, (height / step - 1.0) / 2.0)
        x = np.arange(self.columns) - self._centre[0]
        y = np.arange(self.rows) - self._centre[1]
        grid_x, grid_y = np.meshgrid(x, y)
        away = np.hypot(grid_x, grid_y)
        angle = away / self.focal_px
        side = np.sin(angle) / np.maximum(away, 1e-9)
        rays = np.stack([grid_x * side, grid_y * side, np.cos(angle)], axis=-1)
        self.rays: F32 = np.ascontiguousarray(rays.reshape(-1, 3).T, dtype=np.float32)
        self.inside = _octagon(width, height, look, border)

    def project(self, point: F64) -> tuple[float, float]:
        """Return where a point in camera axes lands, (x, y) in reduced pixels."""
        side = float(np.hypot(point[0], point[1]))
        radius = self.focal_px * float(np.arctan2(side, point[2]))
        scale = radius / max(side, 1e-9)
        return self._centre[0] + float(point[0]) * scale, self._centre[1] + float(point[1]) * scale


def _octagon(width: int, height: int, look: SceneLook, border: bool) -> NDArray[np.bool_]:
    """Return [height, width] bool, True inside the octagon (everywhere without a border)."""
    if not border:
        return np.ones((height, width), dtype=np.bool_)
    half_x = width * (0.5 - look.margin[0])
    half_y = height * (0.5 - look.margin[1])
    x = np.abs(np.arange(width) + 0.5 - width / 2.0)[None, :]
    y = np.abs(np.arange(height) + 0.5 - height / 2.0)[:, None]
    cut = look.corner * half_y
    inside = (x <= half_x) & (y <= half_y) & (x + y <= half_x + half_y - cut)
    return np.asarray(inside, dtype=np.bool_)
