"""Polyps drawn over the wall: intersected as ellipsoids, blended, textured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sali_core.data.phantom.polyps import FULL_SIGHT, SIGHT
from sali_core.data.phantom.texture import GLOSS, PITS, TILT_PSI, TILT_S, MucosaTexture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sali_core.data.phantom.lens import Lens
    from sali_core.data.phantom.look import SceneLook
    from sali_core.data.phantom.path import Pose
    from sali_core.data.phantom.polyps import Polyp
    from sali_core.data.phantom.surface import Surface

    F32 = NDArray[np.float32]

TINY = np.float32(1e-6)

_NOWHERE = np.empty(0, dtype=np.int64)


def draw_polyp(
    surface: Surface, polyp: Polyp, pose: Pose, lens: Lens, texture: MucosaTexture, look: SceneLook
) -> NDArray[np.int64]:
    """Draw one polyp over the surface, in place, where no wall hides it.

    Returns:
        The pixels of the surface that show it.
    """
    ahead = float(polyp.root[2] - pose.position[2])
    size = float(np.clip((SIGHT - ahead) / (SIGHT - FULL_SIGHT), 0.0, 1.0))
    if size < 0.05:
        return _NOWHERE
    offset = polyp.root + size * (polyp.centre - polyp.root) - pose.position
    box = _screen_box(offset, polyp.reach * 1.35, pose, lens)
    if box is None:
        return _NOWHERE
    top, bottom, left, right = box
    rows = np.arange(top, bottom, dtype=np.int64)[:, None] * lens.columns
    index = (rows + np.arange(left, right)).reshape(-1)
    rays = surface.directions[:, index]
    wall = surface.distance[index]
    _darken_around(surface, polyp.reach * size, offset, index, rays, wall)
    # shrinking the polyp is the same as standing further from it and measuring in smaller units
    eye = polyp.root + (pose.position - polyp.root) / size
    reached = _trace(polyp, eye, rays) * np.float32(size)
    near = reached.min(axis=0)
    seen = np.flatnonzero(near < wall)
    if not len(seen):
        return _NOWHERE
    index, near, rays = index[seen], near[seen], rays.take(seen, axis=1)
    normal, headness = _blend(polyp, eye, rays, reached.take(seen, axis=1), near, size)
    rise = np.clip((wall[seen] - near) / np.float32(polyp.blend), 0.0, 1.0)
    rise *= rise * (3.0 - 2.0 * rise)
    rise = np.maximum(rise, np.float32(0.05))
    mixed = normal * rise + surface.normal[:, index] * (1.0 - rise)
    mixed /= np.sqrt(np.einsum("cn,cn->n", mixed, mixed)) + TINY
    place = near * rays - offset.astype(np.float32)[:, None]
    surface.normal[:, index] = mixed
    surface.distance[index] = near
    surface.shade[index] += rise * (1.0 - surface.shade[index])
    surface.polyp[index] = True
    _dress(surface, polyp, place, rise, headness, index, texture, look)
    return index


def _dress(
    surface: Surface,
    polyp: Polyp,
    place: F32,
    rise: F32,
    headness: F32,
    index: NDArray[np.int64],
    texture: MucosaTexture,
    look: SceneLook,
) -> None:
    """Colour the polyp's pixels `index`, at `place` [3, N] from its centre."""
    axes = polyp.axes.astype(np.float32)
    along, aside, up = axes @ place
    # stereographic: the texture is spread evenly over a dome and its flanks
    spread = np.sqrt(along * along + aside * aside + up * up) + TINY
    spread = np.float32(1.1) / (np.float32(0.75) + np.float32(0.5) * up / spread)
    texels = texture.lookup(along * spread + 2.0, aside * spread + 1.0)
    tint = 1.0 + (polyp.tint.astype(np.float32)[:, None] - 1.0) * (headness * rise)
    pits = 1.0 + np.float32(0.22 * polyp.roughness) * texels[PITS] * headness
    own = np.array(look.mucosa, dtype=np.float32)[:, None] * 0.45 + texels[:3] * 0.55
    albedo = own * tint * pits
    surface.albedo[:, index] += rise * (albedo - surface.albedo[:, index])
    strength = np.float32(look.relief * polyp.roughness * 0.7)
    surface.bump[:, index] = strength * (
        axes[0][:, None] * texels[TILT_S] + axes[1][:, None] * texels[TILT_PSI]
    )
    surface.gloss[index] = 0.35 + 0.65 * texels[GLOSS]


def _screen_box(
    offset: NDArray[np.float64], reach: float, pose: Pose, lens: Lens
) -> tuple[int, int, int, int] | None:
    """Return top, bottom, left, right of a sphere on the reduced picture; None when outside."""
    away = float(np.linalg.norm(offset))
    if away <= reach * 1.02:
        return 0, lens.rows, 0, lens.columns
    local = pose.rotation.T @ offset
    x, y = lens.project(local)
    off_axis = float(np.arccos(np.clip(local[2] / away, -1.0, 1.0)))
    stretch = max(1.0, off_axis / max(float(np.sin(off_axis)), 0.2))
    radius = lens.focal_px * float(np.arcsin(reach / away)) * min(1.1 * stretch, 3.0)
    left, right = max(0, int(x - radius)), min(lens.columns, int(x + radius) + 2)
    top, bottom = max(0, int(y - radius)), min(lens.rows, int(y + radius) + 2)
    if left >= right or top >= bottom:
        return None
    return top, bottom, left, right


def _darken_around(
    surface: Surface,
    reach: float,
    offset: NDArray[np.float64],
    index: NDArray[np.int64],
    rays: F32,
    wall: F32,
) -> None:
    """Darken the wall in the angle between it and the polyp."""
    place = wall * rays - offset.astype(np.float32)[:, None]
    away = np.sqrt(np.einsum("cn,cn->n", place, place)) * np.float32(1.0 / reach)
    shadow = np.clip(1.25 - away, 0.0, 0.5) * np.float32(0.7)
    surface.shade[index] *= 1.0 - shadow


def _trace(polyp: Polyp, eye: NDArray[np.float64], rays: F32) -> F32:
    """Return how far each ray from `eye` runs to each ellipsoid, [B, N]; infinite for a miss."""
    reached = np.full((len(polyp.centres), rays.shape[1]), np.inf, dtype=np.float32)
    for part, (matrix, centre) in enumerate(zip(polyp.to_unit, polyp.centres, strict=True)):
        origin = (matrix @ (eye - centre)).astype(np.float32)
        ray = matrix.astype(np.float32) @ rays
        square = np.einsum("cn,cn->n", ray, ray)
        half = origin @ ray
        inner = half * half
        inner -= square * np.float32(origin @ origin - 1.0)
        hit = np.flatnonzero(inner > 0.0)
        t = (-half[hit] - np.sqrt(inner[hit])) / square[hit]
        t[t < 0.02] = np.inf
        reached[part, hit] = t
    return reached


def _blend(
    polyp: Polyp, eye: NDArray[np.float64], rays: F32, reached: F32, near: F32, size: float
) -> tuple[F32, F32]:
    """Mix the normals of the ellipsoids that are nearly nearest, so that they flow together.

    Args:
        polyp: The polyp.
        eye: Where the rays start, in the polyp's units.
        rays: Directions [3, N]; each hits something.
        reached: Distances [B, N], infinite for a miss.
        near: Smallest of them, [N].
        size: Length of the polyp's unit.

    Returns:
        Unit normal [3, N] and share of head [N].
    """
    weight = np.exp((near - reached) * np.float32(2.5 / polyp.blend))
    weight /= weight.sum(axis=0)
    normal = np.zeros_like(rays)
    for part, (matrix, centre) in enumerate(zip(polyp.to_unit, polyp.centres, strict=True)):
        part_of = np.flatnonzero(weight[part] > 0.01)
        narrow = matrix.astype(np.float32)
        unit = narrow @ rays.take(part_of, axis=1)
        unit *= reached[part].take(part_of) * np.float32(1.0 / size)
        unit += (matrix @ (eye - centre)).astype(np.float32)[:, None]
        unit = narrow.T @ unit
        unit *= weight[part].take(part_of) / (np.sqrt(np.einsum("cn,cn->n", unit, unit)) + TINY)
        normal[:, part_of] += unit
    normal /= np.sqrt(np.einsum("cn,cn->n", normal, normal)) + TINY
    headness: F32 = weight[polyp.is_head].sum(axis=0)
    return normal, headness
