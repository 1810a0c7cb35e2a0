"""Where each ray meets the tube.

Seen from the camera, the tube is followed outwards along half planes through the camera, one for
each azimuth. Rows of the surface at growing distance lower a running upper bound (and, where the
tube bends away, raise a running lower bound) on the angles still open; a ray ends at the first row
that closes its angle. What folds and bends hide is found exactly, at the cost of two accumulations.
A coarse table of first rows brackets each ray; bisection between neighbouring half planes gives
its row, and interpolation its place between two rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sali_core.data.phantom.tube import PERIOD_ROWS, ROWS_PER_UNIT, Tube, planes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]
    I64 = NDArray[np.int64]

BEHIND = 1.2
NEAR = 2.6
FAR = 9.5
WIDEST = 1.75  # tan(half the widest angle seen from the tube's direction)
TINY = np.float32(1e-6)


@dataclass(frozen=True, slots=True)
class Hits:
    """What the rays of one picture met; [N] or [3, N] float32, axes of the tube.

    Attributes:
        distance: Length of the ray in tube radii.
        directions: [3, N] unit ray directions.
        s: Position along the tube.
        psi: Angle around the tube.
        normal: [3, N] unit normals, pointing into the lumen.
        radius: Distance of the wall from the centre line.
        relief: -1 in valleys to 1 on crests.
    """

    distance: F32
    directions: F32
    s: F32
    psi: F32
    normal: F32
    radius: F32
    relief: F32


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One wall along each azimuth, stored azimuth by azimuth.

    Attributes:
        rho: [A * K] distance from the polar axis at each row.
        bound: [A * K] running bound on the open angles.
        first: [angles, A] first row that closes each coarse angle.
    """

    rho: F32
    bound: F32
    first: I64


class TubeCaster:
    """Casts pictures of one tube; holds no state between pictures."""

    def __init__(self, tube: Tube, azimuths: int, angles: int) -> None:
        """Prepare for `azimuths` half planes and a bracket table of `angles` steps."""
        self._tube = tube
        self._azimuths = azimuths
        self._angles = angles
        turn = np.linspace(-np.pi, np.pi, azimuths)
        self._unit = np.stack([np.cos(turn), np.sin(turn)]).astype(np.float32)

    def cast(self, position: F64, rays: F32) -> Hits:
        """Find where rays meet the wall.

        Args:
            position: Camera (x, y, z) in the tube's axes.
            rays: [3, N] float32 unit directions in the tube's axes.
        """
        x, y, z = rays
        lean = self._tube.slope(float(position[2])).astype(np.float32)
        side_x = x - lean[0] * z
        side_y = y - lean[1] * z
        side = side_x * side_x + side_y * side_y
        length = np.sqrt(side + z * z)
        tangent = np.sqrt(side) / np.maximum(z + length, TINY)
        azimuth = np.arctan2(side_y, side_x)
        ahead, rho = self._meet(position, lean, azimuth, tangent)
        distance = np.sqrt(ahead * ahead + rho * rho) / length
        return self._describe(position, rays, distance)

    def _describe(self, position: F64, rays: F32, distance: F32) -> Hits:
        """Look the wall up where the rays ended."""
        place = distance * rays
        s = place[2] + np.float32(position[2])
        axis, slope = self._axis_at(s, float(position[2]))
        out_x = place[0] + (np.float32(position[0]) - axis[0])
        out_y = place[1] + (np.float32(position[1]) - axis[1])
        psi = np.arctan2(out_y, out_x)
        radius, slope_s, slope_psi, relief = self._tube.lookup(s, psi)
        scale = 1.0 / np.sqrt(out_x * out_x + out_y * out_y + TINY)
        out_x *= scale
        out_y *= scale
        normal = np.empty_like(rays)
        normal[0] = -out_x - slope_psi * out_y
        normal[1] = -out_y + slope_psi * out_x
        normal[2] = slope_s + slope[0] * out_x + slope[1] * out_y
        normal /= np.sqrt(np.einsum("cn,cn->n", normal, normal))
        return Hits(distance, rays, s, psi, normal, radius, relief)

    def _axis_at(self, s: F32, z: float) -> tuple[F32, F32]:
        """Return centre line and slope at s, [2, N] each, from a table around z."""
        knots = np.arange(-BEHIND - 0.5, FAR + 0.7, 0.05)
        table = np.concatenate(
            [self._tube.centre(z + knots), self._tube.slope(z + knots)], axis=1
        ).astype(np.float32)
        at = (s - np.float32(z - BEHIND - 0.5)) * np.float32(20.0)
        at = np.clip(at, 0.0, len(knots) - 1.001).astype(np.float32)
        low = at.astype(np.int64)
        at -= low
        found = planes(table.take(low, axis=0, mode="clip"))
        low += 1
        after = planes(table.take(low, axis=0, mode="clip"))
        after -= found
        after *= at
        found += after
        return found[:2], found[2:]

    def _meet(self, position: F64, lean: F32, azimuth: F32, tangent: F32) -> tuple[F32, F32]:
        """Return how far ahead and how far from the polar axis each ray ends, [N] each."""
        rows = _rows_ahead(float(position[2]))
        s = rows / ROWS_PER_UNIT
        ahead64 = s - position[2]
        axis = self._tube.centre(s) - position[:2] - ahead64[:, None] * lean
        offset = axis.astype(np.float32)
        ahead = ahead64.astype(np.float32)
        wrapped = rows % PERIOD_ROWS
        across = azimuth + np.float32(np.pi)
        across *= np.float32((self._azimuths - 1) / (2.0 * np.pi))
        left = np.clip(across.astype(np.int64), 0, self._azimuths - 2)
        across -= left
        outer = self._sheet(offset, wrapped, ahead, upper=True)
        row = self._search(outer, left, across, tangent, len(rows), upper=True)
        met = _between(outer.rho, ahead, left, across, tangent, row)
        mean = self._tube.mean_radius[wrapped]
        crossing = np.hypot(offset[:, 0], offset[:, 1]) > mean - np.float32(0.5)
        if not crossing.any():
            return met
        start = int(np.argmax(crossing))
        inner = self._sheet(offset[start:], wrapped[start:], ahead[start:], upper=False)
        some = np.flatnonzero(row > start)
        if not len(some):
            return met
        left, across, tangent = left[some], across[some], tangent[some]
        count = len(rows) - start
        near = self._search(inner, left, across, tangent, count, upper=False)
        nearer = (near + start < row[some]) & (near < count)
        chosen = np.flatnonzero(nearer)
        found = _between(
            inner.rho,
            ahead[start:],
            left[chosen],
            across[chosen],
            tangent[chosen],
            near[chosen],
        )
        for whole, part in zip(met, found, strict=True):
            whole[some[chosen]] = part
        return met

    def _sheet(self, offset: F32, wrapped: NDArray[np.int64], ahead: F32, *, upper: bool) -> _Sheet:
        """Follow one wall: the far one from the axis (upper) or, past a bend, the near one."""
        cos, sin = self._unit
        x, y = offset[:, :1], offset[:, 1:]
        along = offset @ self._unit
        across = x * sin - y * cos
        square = across * across
        sign = np.float32(1.0 if upper else -1.0)
        radius = np.broadcast_to(self._tube.mean_radius[wrapped][:, None], along.shape)
        for _ in range(2):
            rho = along + sign * np.sqrt(np.maximum(radius * radius - square, 0.0))
            psi = np.arctan2(rho * sin - y, rho * cos - x)
            radius = self._tube.radius_of_rows(wrapped, psi)
        rho = along + sign * np.sqrt(np.maximum(radius * radius - square, 0.0))
        np.maximum(rho, 0.0, out=rho)
        seen = _half_tangent(rho, ahead[:, None])
        gather = np.minimum if upper else np.maximum
        bound = gather.accumulate(seen, axis=0)
        first = _first_rows(bound, WIDEST / self._angles, self._angles, upper=upper)
        return _Sheet(
            rho=np.ascontiguousarray(rho.T).reshape(-1),
            bound=np.ascontiguousarray(bound.T).reshape(-1),
            first=first,
        )

    def _search(
        self,
        sheet: _Sheet,
        left: I64,
        across: F32,
        tangent: F32,
        rows: int,
        *,
        upper: bool,
    ) -> I64:
        """Return the first row that closes each ray, [N]; `rows` when none does."""
        cell = tangent * np.float32(self._angles / WIDEST) - np.float32(0.5)
        # cell 0 stands for every smaller angle, which any row may close
        outside = cell < 0.0
        near = np.clip(cell, 0, self._angles - 2).astype(np.int64) * self._azimuths
        table = sheet.first.reshape(-1)
        near += left
        corners = [table[near], table[near + 1]]
        near += self._azimuths
        corners += [table[near], table[near + 1]]
        low: I64 = np.minimum(
            np.minimum(corners[0], corners[1]), np.minimum(corners[2], corners[3])
        )
        high = np.maximum(np.maximum(corners[0], corners[1]), np.maximum(corners[2], corners[3]))
        if upper:
            high[outside] = rows
        else:
            low[outside] = 0
        low[cell > self._angles - 1] = 0
        open_rays = np.flatnonzero(low < high)
        while len(open_rays):
            low_open, high_open = low[open_rays], high[open_rays]
            base, share, here = left[open_rays] * rows, across[open_rays], tangent[open_rays]
            for _ in range(2):  # two halvings settle most rays; the others go round again
                middle = (low_open + high_open) >> 1
                at = base + middle
                seen = sheet.bound.take(at, mode="clip")
                at += rows
                seen += share * (sheet.bound.take(at, mode="clip") - seen)
                closed = (seen <= here) if upper else (seen >= here)
                closed |= low_open == high_open
                shut = closed.view(np.int8).astype(np.int64)
                high_open -= (high_open - middle) * shut
                middle += 1
                middle -= low_open
                middle *= 1 - shut
                low_open += middle
            low[open_rays], high[open_rays] = low_open, high_open
            open_rays = open_rays[low_open < high_open]
        return low


def _between(
    rho: F32, ahead: F32, left: I64, across: F32, tangent: F32, row: I64
) -> tuple[F32, F32]:
    """Interpolate between the rows around each crossing; returns ahead and rho, [N] each."""
    rows = len(ahead)
    row = np.clip(row, 1, rows - 1)
    at_left = left * rows + row
    at_right = at_left + rows
    new = rho[at_left]
    new += across * (rho[at_right] - new)
    old = rho[at_left - 1]
    old += across * (rho[at_right - 1] - old)
    new_ahead, old_ahead = ahead[row], ahead[row - 1]
    old_seen = _half_tangent(old, old_ahead)
    gap = old_seen - _half_tangent(new, new_ahead)
    gap[np.abs(gap) < TINY] = TINY
    share = np.clip((old_seen - tangent) / gap, 0.0, 1.0)
    return old_ahead + share * (new_ahead - old_ahead), old + share * (new - old)


def _rows_ahead(z: float) -> NDArray[np.int64]:
    """Return the rows to look at: every one nearby, every second one further away."""
    low = int(np.floor((z - BEHIND) * ROWS_PER_UNIT))
    middle = 2 * int(np.ceil((z + NEAR) * ROWS_PER_UNIT / 2))
    high = int(np.ceil((z + FAR) * ROWS_PER_UNIT))
    rows: I64 = np.concatenate([np.arange(low, middle), np.arange(middle, high, 2)])
    return rows


def _half_tangent(rho: F32, ahead: F32) -> F32:
    """Return tan(half the angle) under which a point `rho` aside and `ahead` is seen."""
    length = ahead * ahead + rho * rho
    np.sqrt(length, out=length)
    length += ahead
    np.maximum(length, TINY, out=length)
    return np.divide(rho, length, out=length)


def _first_rows(bound: F32, step: float, angles: int, *, upper: bool) -> I64:
    """Return for each coarse angle the first row whose bound closes it, [angles, A]."""
    rows, azimuths = bound.shape
    level = bound * np.float32(1.0 / step)
    level = np.ceil(level - np.float32(0.5)) if upper else np.floor(level + np.float32(0.5))
    cell = np.clip(level, 0, angles).astype(np.int64) * azimuths
    cell += np.arange(azimuths)
    counts = np.bincount(cell.reshape(-1), minlength=(angles + 1) * azimuths)
    running = np.cumsum(counts.reshape(angles + 1, azimuths), axis=0)[:angles]
    return np.asarray(rows - running if upper else running)
