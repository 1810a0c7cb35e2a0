"""The colon as a shape: a bent tube with haustral folds, and the line it follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sali_core.data.phantom.noise import Wander, blur_tile, create_rng, tile_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sali_core.data.phantom.look import SceneLook

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]

ROWS_PER_UNIT = 32
PERIOD_ROWS = 1024  # a power of two, so that wrapping is a bit mask
COLUMNS = 192


class Tube:
    """Surface radius as a function of position s along the tube and angle psi around it.

    Lengths are in mean tube radii. The folds repeat after PERIOD_ROWS / ROWS_PER_UNIT = 32 radii,
    the centre line does not. Immutable after construction.

    Attributes:
        mean_radius: [PERIOD_ROWS] float32, radius averaged over psi.
    """

    def __init__(self, seed: int, look: SceneLook) -> None:
        """Build the tube of `seed`."""
        rng = create_rng(seed, "tube")
        radius = _wall(rng, look) - _folds(rng, look)
        radius = np.maximum(radius, np.float32(0.42))
        slope_s = (np.roll(radius, -1, axis=0) - np.roll(radius, 1, axis=0)) * (ROWS_PER_UNIT / 2)
        around = (np.roll(radius, -1, axis=1) - np.roll(radius, 1, axis=1)) * (COLUMNS / 2)
        slope_psi = around / np.float32(2.0 * np.pi) / radius
        hollow = blur_tile(radius, (0.3 * ROWS_PER_UNIT, 0.05 * COLUMNS)) - radius
        relief = np.clip(hollow * 4.0, -1.0, 1.0)
        field = np.stack([radius, slope_s, slope_psi, relief], axis=-1)
        # columns run from psi = -pi; one more row and column repeat the first
        field = np.roll(field, COLUMNS // 2, axis=1)
        field = np.concatenate([field, field[:, :1]], axis=1)
        field = np.concatenate([field, field[:1]], axis=0).astype(np.float32)
        self._packed = np.ascontiguousarray(field).view(np.complex128).reshape(-1)
        self._radius: F32 = np.ascontiguousarray(field[..., 0]).reshape(-1)
        self.mean_radius: F32 = radius.mean(axis=1)
        # curvature = amplitude * (2 pi / wavelength)^2, dominated by the shorter waves
        amplitude = look.bend * (13.0 / (2.0 * np.pi)) ** 2
        self._x = Wander(rng, amplitude, (10.0, 31.0), 4)
        self._y = Wander(rng, amplitude, (10.0, 31.0), 4)

    def centre(self, s: float | F64) -> F64:
        """Return the centre line's offset (x, y) at s, [..., 2]."""
        return np.stack([self._x.at(s), self._y.at(s)], axis=-1)

    def slope(self, s: float | F64) -> F64:
        """Return the centre line's derivative (dx/ds, dy/ds) at s, [..., 2]."""
        return np.stack([self._x.slope(s), self._y.slope(s)], axis=-1)

    def radius_of_rows(self, rows: NDArray[np.int64], psi: F32) -> F32:
        """Return the radius at `rows` [K] (wrapped) and angles `psi` [K, A] in [-pi, pi]."""
        column = psi * np.float32(COLUMNS / (2.0 * np.pi))
        column += np.float32(COLUMNS / 2)
        whole = np.minimum(column.astype(np.int64), COLUMNS - 1)
        column -= whole
        whole += (rows * (COLUMNS + 1))[:, None]
        found = self._radius[whole]
        whole += 1
        found += column * (self._radius[whole] - found)
        return found

    def lookup(self, s: F32, psi: F32) -> F32:
        """Return the wall at positions `s` [N] and angles `psi` [N] in [-pi, pi].

        Returns:
            [4, N] float32: radius, slope along s, slope around psi, relief.
        """
        row = s * np.float32(ROWS_PER_UNIT)
        low = np.floor(row)
        row -= low
        top = low.astype(np.int64)
        top &= PERIOD_ROWS - 1
        column = psi * np.float32(COLUMNS / (2.0 * np.pi))
        column += np.float32(COLUMNS / 2)
        left = np.minimum(column.astype(np.int64), COLUMNS - 1)
        column -= left
        left += top * (COLUMNS + 1)
        found = self._across(left, column)
        left += COLUMNS + 1
        below = self._across(left, column)
        below -= found
        below *= row
        found += below
        return found

    def _across(self, cell: NDArray[np.int64], share: F32) -> F32:
        """Return the four values between flat cells and their right neighbours, [4, N]."""
        # one 16 byte element each is fastest to fetch, one plane each to compute with
        near = planes(self._packed.take(cell, mode="clip").view(np.float32).reshape(-1, 4))
        far = planes(self._packed.take(cell + 1, mode="clip").view(np.float32).reshape(-1, 4))
        far -= near
        far *= share
        near += far
        return near

    def surface(self, s: float, psi: float) -> tuple[F64, F64]:
        """Return the wall's point (x, y, z) and its inward unit normal at one place."""
        around_s, around_psi = np.meshgrid(np.linspace(-0.12, 0.12, 7), np.linspace(-0.1, 0.1, 5))
        near_psi = (psi + around_psi.reshape(-1) + np.pi) % (2.0 * np.pi) - np.pi
        near_s = s + around_s.reshape(-1)
        near = self.lookup(near_s.astype(np.float32), near_psi.astype(np.float32))
        radius, slope_s, slope_psi, _ = near.mean(axis=1).astype(np.float64)
        outward = np.array([np.cos(psi), np.sin(psi)])
        around = np.array([-outward[1], outward[0]])
        point = np.append(self.centre(s) + radius * outward, s)
        flat = -outward + 0.5 * slope_psi * around
        normal = np.append(flat, 0.5 * slope_s + float(self.slope(s) @ outward))
        return point, normal / np.linalg.norm(normal)


def planes(rows: F32) -> F32:
    """Return [C, N] contiguous from [N, C]."""
    found = np.empty(rows.shape[::-1], dtype=np.float32)
    for channel in range(len(found)):
        found[channel] = rows[:, channel]
    return found


def _wall(rng: np.random.Generator, look: SceneLook) -> F32:
    """Return the radius without folds, [PERIOD_ROWS, COLUMNS]."""
    shape = (PERIOD_ROWS, COLUMNS)
    broad = tile_noise(rng, shape, (3.0 * ROWS_PER_UNIT, 0.4 * COLUMNS), slope=4.0)
    lumps = tile_noise(rng, shape, (0.7 * ROWS_PER_UNIT, 0.11 * COLUMNS), slope=4.5)
    psi = np.arange(COLUMNS, dtype=np.float32) * np.float32(2.0 * np.pi / COLUMNS)
    sides = np.cos(3.0 * psi + rng.uniform(0.0, 2.0 * np.pi)) * look.lumen_sides
    wall: F32 = 1.04 + 0.09 * broad + 0.016 * lumps + sides[None, :].astype(np.float32)
    return wall


def _folds(rng: np.random.Generator, look: SceneLook) -> F32:
    """Return how far folds reach inwards, [PERIOD_ROWS, COLUMNS]."""
    height = np.zeros((PERIOD_ROWS, COLUMNS), dtype=np.float32)
    psi = np.arange(COLUMNS, dtype=np.float64) * (2.0 * np.pi / COLUMNS)
    length = PERIOD_ROWS / ROWS_PER_UNIT
    count = round(length / look.fold_spacing)
    for index in range(count):
        at = (index + rng.uniform(-0.28, 0.28)) * length / count
        reach = _reach(rng, psi) * look.fold_depth * rng.uniform(0.55, 1.15)
        tilt = rng.uniform(0.0, 0.22) * np.cos(psi - rng.uniform(0.0, 2.0 * np.pi))
        tilt += 0.04 * np.cos(3.0 * psi + rng.uniform(0.0, 2.0 * np.pi))
        thickness = rng.uniform(0.09, 0.2)
        rows = np.arange(
            int((at - 1.3) * ROWS_PER_UNIT), int((at + 1.3) * ROWS_PER_UNIT), dtype=np.int64
        )
        offset = (rows[:, None] / ROWS_PER_UNIT - at - tilt[None, :]) / thickness
        profile = (1.0 + offset * offset) ** -1.5 - 0.0012
        drawn = (reach[None, :] * np.maximum(profile, 0.0)).astype(np.float32)
        wrapped = rows % PERIOD_ROWS
        height[wrapped] = np.sqrt(height[wrapped] ** 2 + drawn**2)
    return height


def _reach(rng: np.random.Generator, psi: F64) -> F64:
    """Return one fold's relative height around the tube: one broad or several short arcs."""
    centre = rng.uniform(0.0, 2.0 * np.pi)
    if rng.random() < 0.15:
        return np.asarray(0.62 + 0.3 * np.cos(3.0 * psi - centre))
    half = rng.uniform(0.7, 1.7)
    away = np.abs((psi - centre + np.pi) % (2.0 * np.pi) - np.pi) / half
    arc = np.where(away < 1.0, np.cos(0.5 * np.pi * np.minimum(away, 1.0)) ** 2, 0.0) ** 0.7
    opposite = 0.1 * (1.0 + np.cos(psi - centre - np.pi + rng.uniform(-0.6, 0.6)))
    return np.asarray(np.maximum(arc, opposite))
