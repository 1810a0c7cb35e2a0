"""Where each ray meets the tube.

Seen from the camera, the tube is followed outwards along half planes through the camera (one for
each azimuth). Rows of the surface at growing distance raise a running lower bound and lower a
running upper bound on the angles still open; a ray ends at the first row that closes its angle.
This finds what folds and bends hide exactly, at the cost of two accumulations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sali_core.data.phantom.tube import COLUMNS, PERIOD_ROWS, RADIUS, ROWS_PER_UNIT, Tube

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]
    I32 = NDArray[np.int32]

BEHIND = 1.2
NEAR = 2.6
FAR = 9.5
WIDEST = np.float32(1.75)  # tan(half the widest angle seen from the tube's direction)
AHEAD, RHO, TWIST, NX, NY, NZ, RELIEF, SHEET = range(8)
TWO_PI = np.float32(2.0 * np.pi)


@dataclass(frozen=True, slots=True)
class Hits:
    """What the rays of one picture met; all [N] float32, camera-centred world axes.

    Attributes:
        distance: Length of the ray in tube radii.
        s: Position along the tube.
        psi: Angle around the tube.
        normal: [3, N], pointing into the lumen, not normalised.
        relief: -1 in valleys to 1 on crests.
        directions: [3, N] unit ray directions.
    """

    distance: F32
    s: F32
    psi: F32
    normal: F32
    relief: F32
    directions: F32


class TubeCaster:
    """Casts pictures of one tube; holds no state between pictures."""

    def __init__(self, tube: Tube, azimuths: int, angles: int) -> None:
        """Prepare for `azimuths` half planes and `angles` steps of viewing angle."""
        self._tube = tube
        self._azimuths = azimuths
        self._angles = angles
        turn = np.arange(azimuths) * (2.0 * np.pi / azimuths)
        self._unit = np.stack([np.cos(turn), np.sin(turn)]).astype(np.float32)
        self._turn = turn.astype(np.float32)

    def cast(self, position: F64, rays: F32) -> Hits:
        """Find where rays meet the wall.

        Args:
            position: Camera (x, y, z) in the tube's axes.
            rays: [N, 3] float32 unit directions in the tube's axes.
        """
        slope = self._tube.slope(float(position[2])).astype(np.float32)
        polar = self._polar(position, slope)
        x, y, z = np.ascontiguousarray(rays.T)
        sheared_x = x - slope[0] * z
        sheared_y = y - slope[1] * z
        side = sheared_x * sheared_x + sheared_y * sheared_y
        length = np.sqrt(side + z * z)
        side = np.sqrt(side)
        bend = side / np.maximum(z + length, np.float32(1e-6))
        azimuth = np.arctan2(sheared_y, sheared_x)
        met = self._interpolate(polar, azimuth, bend)
        ahead, rho = met[AHEAD], met[RHO]
        distance = np.sqrt(ahead * ahead + rho * rho) / length
        return Hits(
            distance=distance,
            s=ahead + np.float32(position[2]),
            psi=azimuth + met[TWIST],
            normal=met[NX : NZ + 1],
            relief=met[RELIEF],
            directions=np.stack([x, y, z]),
        )

    def _interpolate(self, polar: F32, azimuth: F32, bend: F32) -> F32:
        """Read the polar picture [angles, azimuths, 8] between its cells; returns [8, N]."""
        across = azimuth * np.float32(self._azimuths / (2.0 * np.pi)) + np.float32(self._azimuths)
        along = np.clip(
            bend * np.float32(self._angles / WIDEST) - np.float32(0.5), 0.0, self._angles - 1.001
        ).astype(np.float32)
        left = across.astype(np.int32)
        near = along.astype(np.int32)
        across -= left
        along -= near
        left %= self._azimuths
        right = left + 1
        right[right == self._azimuths] = 0
        near *= self._azimuths
        flat = polar.reshape(-1, 8)
        far = near + self._azimuths
        across = across[:, None]
        top = flat[near + left]
        top += across * (flat[near + right] - top)
        low = flat[far + left]
        low += across * (flat[far + right] - low)
        low -= top
        low *= along[:, None]
        top += low
        return np.ascontiguousarray(top.T)

    def _polar(self, position: F64, slope: F32) -> F32:
        """Return the first surface met, [angles, azimuths, 8]."""
        rows = _rows_ahead(float(position[2]))
        s = rows / ROWS_PER_UNIT
        ahead64 = s - position[2]
        axis = self._tube.centre(s) - position[:2] - ahead64[:, None] * slope
        axis_slope = self._tube.slope(s).astype(np.float32)
        ahead = ahead64.astype(np.float32)[:, None]
        wrapped = rows % PERIOD_ROWS
        offset = axis.astype(np.float32)
        mean = self._tube.mean_radius[wrapped]
        outer, outer_low = self._sheet(offset, axis_slope, wrapped, mean, ahead, np.float32(1.0))
        crossing = np.hypot(offset[:, 0], offset[:, 1]) > mean - np.float32(0.5)
        sheets = [outer]
        bend = _bend(outer_low, ahead)
        closing = np.minimum.accumulate(bend, axis=0)
        step = np.float32(WIDEST / self._angles)
        first = _first_closed(closing, step, self._angles)
        bends = [bend]
        if crossing.any():
            start = int(np.argmax(crossing))
            inner, inner_rho = self._sheet(
                offset[start:],
                axis_slope[start:],
                wrapped[start:],
                mean[start:],
                ahead[start:],
                np.float32(-1.0),
            )
            inner_bend = _bend(inner_rho, ahead[start:])
            opening = np.maximum.accumulate(inner_bend, axis=0)
            reached = _first_reached(opening, step, self._angles) + start
            pad = np.zeros((start, *inner.shape[1:]), dtype=np.float32)
            sheets.append(np.concatenate([pad, inner]))
            bends.append(np.concatenate([np.zeros_like(bend[:start]), inner_bend]))
            nearer = reached < first
            first = np.where(nearer, reached, first)
            return self._gather(sheets, bends, first, nearer, len(rows))
        return self._gather(sheets, bends, first, None, len(rows))

    def _sheet(
        self,
        offset: F32,
        axis_slope: F32,
        wrapped: NDArray[np.int64],
        mean: F32,
        ahead: F32,
        side: np.float32,
    ) -> tuple[F32, F32]:
        """Return one wall seen along each azimuth: [K, A, 8] and its distance rho [K, A]."""
        cos, sin = self._unit
        along = offset @ self._unit
        across = offset[:, :1] * sin - offset[:, 1:] * cos
        square = across * across
        rho = along + side * np.sqrt(np.maximum(mean[:, None] ** 2 - square, 0.0))
        to_column = np.float32(COLUMNS / (2.0 * np.pi))
        field = self._tube.field.reshape(-1, 4)
        base = (wrapped * (COLUMNS + 1)).astype(np.int32)[:, None]
        for last in (False, True):
            psi = np.arctan2(rho * sin - offset[:, 1:], rho * cos - offset[:, :1])
            column = np.where(psi < 0.0, psi + TWO_PI, psi) * to_column
            whole = np.minimum(column.astype(np.int32), COLUMNS - 1)
            index = base + whole
            if last:
                break
            radius = field[index, RADIUS]
            rho = along + side * np.sqrt(np.maximum(radius * radius - square, 0.0))
        found = field[index]
        found += (column - whole)[..., None] * (field[index + 1] - found)
        radius = found[..., RADIUS]
        rho = along + side * np.sqrt(np.maximum(radius * radius - square, 0.0))
        rho = np.maximum(rho, 0.0)
        out_x = (rho * cos - offset[:, :1]) / radius
        out_y = (rho * sin - offset[:, 1:]) / radius
        sheet = np.empty((*rho.shape, 8), dtype=np.float32)
        sheet[..., AHEAD] = ahead
        sheet[..., RHO] = rho
        twist = psi - self._turn
        sheet[..., TWIST] = twist - TWO_PI * np.rint(twist / TWO_PI)
        sheet[..., NX] = -out_x - found[..., 2] * out_y
        sheet[..., NY] = -out_y + found[..., 2] * out_x
        sheet[..., NZ] = found[..., 1] + axis_slope[:, :1] * out_x + axis_slope[:, 1:] * out_y
        sheet[..., RELIEF] = found[..., 3]
        sheet[..., SHEET] = 0.0
        return sheet, rho

    def _gather(
        self,
        sheets: list[F32],
        bends: list[F32],
        first: I32,
        nearer: NDArray[np.bool_] | None,
        rows: int,
    ) -> F32:
        """Interpolate the rows around each crossing; `first` is [angles, azimuths]."""
        surface = np.concatenate(sheets).reshape(-1, 8)
        bend = np.concatenate(bends).reshape(-1)
        index = np.clip(first, 1, rows - 1)
        if nearer is not None:
            index = index + np.where(nearer, rows, 0)
        here = (index * self._azimuths + np.arange(self._azimuths, dtype=np.int32)).astype(np.int32)
        before = here - self._azimuths
        centres = (np.arange(self._angles, dtype=np.float32) + np.float32(0.5)) * (
            WIDEST / self._angles
        )
        old, new = bend[before], bend[here]
        gap = old - new
        share = (old - centres[:, None]) / np.where(np.abs(gap) < 1e-6, np.float32(1e-6), gap)
        share = np.clip(share, 0.0, 1.0)[..., None]
        met = surface[before]
        met += share * (surface[here] - met)
        return met


def _rows_ahead(z: float) -> NDArray[np.int64]:
    """Return the rows to look at: every one nearby, every second one further away."""
    low = int(np.floor((z - BEHIND) * ROWS_PER_UNIT))
    middle = 2 * int(np.ceil((z + NEAR) * ROWS_PER_UNIT / 2))
    high = int(np.ceil((z + FAR) * ROWS_PER_UNIT))
    return np.concatenate([np.arange(low, middle), np.arange(middle, high, 2)]).astype(np.int64)


def _bend(rho: F32, ahead: F32) -> F32:
    """Return tan(half the angle) under which a point `rho` aside and `ahead` is seen."""
    result: F32 = rho / np.maximum(ahead + np.sqrt(ahead * ahead + rho * rho), np.float32(1e-6))
    return result


def _first_closed(closing: F32, step: np.float32, angles: int) -> I32:
    """Return the first row whose bound is at or below each angle, [angles, A]."""
    return _count_rows(np.ceil(closing / step - np.float32(0.5)), angles, above=True)


def _first_reached(opening: F32, step: np.float32, angles: int) -> I32:
    """Return the first row whose lower bound reaches each angle, [angles, A]."""
    return _count_rows(np.floor(opening / step + np.float32(0.5)), angles, above=False)


def _count_rows(level: F32, angles: int, *, above: bool) -> I32:
    """Count for each angle j the rows with level > j (above) or level <= j."""
    rows, azimuths = level.shape
    cell = np.clip(level, 0, angles).astype(np.int32) * azimuths
    cell += np.arange(azimuths, dtype=np.int32)
    counts = np.bincount(cell.reshape(-1), minlength=(angles + 1) * azimuths)
    running = np.cumsum(counts.reshape(angles + 1, azimuths), axis=0, dtype=np.int32)[:angles]
    return (rows - running if above else running).astype(np.int32)
