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


def draw_polyp(
    surface: Surface, polyp: Polyp, pose: Pose, lens: Lens, texture: MucosaTexture, look: SceneLook
) -> None:
    """Draw one polyp over the surface, in place, where no wall hides it."""
    ahead = float(polyp.root[2] - pose.position[2])
    size = float(np.clip((SIGHT - ahead) / (SIGHT - FULL_SIGHT), 0.0, 1.0))
    if size < 0.05:
        return
    offset = polyp.root + size * (polyp.centre - polyp.root) - pose.position
    box = _screen_box(offset, polyp.reach * 1.35, pose, lens)
    if box is None:
        return
    top, bottom, left, right = box
    rows = np.arange(top, bottom, dtype=np.int64)[:, None] * lens.columns
    index = (rows + np.arange(left, right)).reshape(-1)
    rays = surface.directions[:, index]
    wall = surface.distance[index]
    _darken_around(surface, polyp.reach * size, offset, index, rays, wall)
    near, normal, headness = _trace(polyp, size, pose, rays)
    seen = near < wall
    if not seen.any():
        return
    index, near = index[seen], near[seen]
    rise = np.clip((wall[seen] - near) / np.float32(polyp.blend), 0.0, 1.0)
    rise *= rise * (3.0 - 2.0 * rise)
    rise = np.maximum(rise, np.float32(0.05))
    mixed = normal[:, seen] * rise + surface.normal[:, index] * (1.0 - rise)
    mixed /= np.sqrt(np.einsum("cn,cn->n", mixed, mixed)) + TINY
    place = near * rays[:, seen] - offset.astype(np.float32)[:, None]
    surface.normal[:, index] = mixed
    surface.distance[index] = near
    surface.shade[index] += rise * (1.0 - surface.shade[index])
    surface.polyp[index] = True
    _dress(surface, polyp, place, rise, headness[seen], index, texture, look)


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
    stretch = off_axis / max(np.sin(off_axis), 0.2) if off_axis > 1e-3 else 1.0
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


def _trace(polyp: Polyp, size: float, pose: Pose, rays: F32) -> tuple[F32, F32, F32]:
    """Intersect rays with the union of ellipsoids, shrunk towards the root to `size`.

    Returns:
        Distance [N] (infinite for a miss), unit normal [3, N], share of head [N].
    """
    # shrinking the polyp is the same as standing further from it and measuring in smaller units
    eye = polyp.root + (pose.position - polyp.root) / size
    count = rays.shape[1]
    parts = len(polyp.centres)
    reached = np.full((parts, count), np.inf, dtype=np.float32)
    normals = np.empty((parts, 3, count), dtype=np.float32)
    for part in range(parts):
        matrix = polyp.to_unit[part].astype(np.float32)
        origin = (polyp.to_unit[part] @ (eye - polyp.centres[part])).astype(np.float32)
        ray = matrix @ rays
        square = np.einsum("cn,cn->n", ray, ray)
        half = origin @ ray
        inner = half * half - square * np.float32(origin @ origin - 1.0)
        root = np.sqrt(np.maximum(inner, 0.0))
        t = (-half - root) / square
        np.copyto(reached[part], t, where=(inner > 0.0) & (t > 0.02))
        unit = matrix.T @ (origin[:, None] + t * ray)
        unit /= np.sqrt(np.einsum("cn,cn->n", unit, unit)) + np.float32(1e-6)
        normals[part] = unit
    near = reached.min(axis=0)
    finite = np.where(np.isfinite(near), near, np.float32(0.0))
    weight = np.exp((finite - reached) * np.float32(2.5 / polyp.blend))
    weight[:, ~np.isfinite(near)] = 0.0
    total = weight.sum(axis=0) + np.float32(1e-9)
    normal = np.einsum("bn,bcn->cn", weight, normals)
    normal /= np.sqrt(np.einsum("cn,cn->n", normal, normal)) + np.float32(1e-6)
    headness = weight[polyp.is_head].sum(axis=0) / total
    return near * np.float32(size), normal, headness
