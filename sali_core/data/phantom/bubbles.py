"""Bubbles of foam that sit on the wall during a bubbly stretch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sali_core.data.phantom.noise import create_rng

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sali_core.data.phantom.lens import Lens
    from sali_core.data.phantom.path import Pose
    from sali_core.data.phantom.tube import Tube

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]

_LARGEST_PX = 90.0


class Foam:
    """The bubbles of one stretch: places on the wall, in the tube's axes, and radii."""

    def __init__(self, seed: int, start_s: float, z: float, tube: Tube) -> None:
        """Lay the foam of the stretch that starts at `start_s`, around camera position `z`."""
        rng = create_rng(seed, f"foam {start_s:.3f}")
        pools = int(rng.integers(3, 7))
        count = int(rng.integers(14, 28))
        pool_s = z + rng.uniform(0.4, 2.4, pools)
        pool_psi = rng.uniform(-np.pi, np.pi, pools)
        s = (pool_s[:, None] + rng.normal(0.0, 0.16, (pools, count))).reshape(-1)
        psi = (pool_psi[:, None] + rng.normal(0.0, 0.17, (pools, count))).reshape(-1)
        psi = (psi + np.pi) % (2.0 * np.pi) - np.pi
        self.radii: F64 = np.minimum(rng.lognormal(np.log(0.042), 0.55, len(s)), 0.15)
        reach = tube.lookup(s.astype(np.float32), psi.astype(np.float32))[0] - 0.6 * self.radii
        flat = np.stack([np.cos(psi), np.sin(psi)], axis=1) * reach[:, None]
        self.places: F64 = np.concatenate([tube.centre(s) + flat, s[:, None]], axis=1)


def draw_foam(
    picture: F32, distance: F32, foam: Foam, pose: Pose, lens: Lens, strength: float
) -> None:
    """Draw the bubbles that no wall hides, in place.

    Args:
        picture: [3, h, w] float32 in [0, 1].
        distance: [h, w] float32, distance of what each ray sees.
        foam: The bubbles.
        pose: The camera.
        lens: Projection.
        strength: 0 to 1, share of their full size.
    """
    offsets = foam.places - pose.position
    away = np.linalg.norm(offsets, axis=1)
    local = offsets @ pose.rotation
    for index in np.argsort(-away):
        if away[index] < 0.25 or local[index, 2] < 0.05:
            continue
        x, y = lens.project(local[index])
        radius = lens.focal_px * float(foam.radii[index]) * strength / float(away[index])
        column, row = round(x), round(y)
        if not (0 <= column < lens.columns and 0 <= row < lens.rows) or radius < 0.7:
            continue
        if distance[row, column] < away[index] - 0.2:
            continue
        _draw_bubble(picture, x, y, min(radius, _LARGEST_PX))


def _draw_bubble(picture: F32, x: float, y: float, radius: float) -> None:
    """Draw a dark-edged, bright-rimmed disc with a lamp's reflection."""
    left, right = max(0, int(x - radius)), min(picture.shape[2], int(x + radius) + 2)
    top, bottom = max(0, int(y - radius)), min(picture.shape[1], int(y + radius) + 2)
    if left >= right or top >= bottom:
        return
    across = (np.arange(left, right, dtype=np.float32) - np.float32(x)) / np.float32(radius)
    down = (np.arange(top, bottom, dtype=np.float32) - np.float32(y)) / np.float32(radius)
    away = np.sqrt(across[None, :] ** 2 + down[:, None] ** 2)
    inside = np.clip((1.0 - away) * np.float32(max(radius, 2.0)), 0.0, 1.0)
    rim = np.clip(1.0 - np.abs(away - 0.86) * 6.0, 0.0, 1.0) * inside
    glint = np.sqrt((across[None, :] + 0.3) ** 2 + (down[:, None] + 0.34) ** 2)
    spark = np.clip((0.26 - glint) * 9.0, 0.0, 1.0) * inside
    patch = picture[:, top:bottom, left:right]
    patch *= 1.0 - inside * np.float32(0.16)
    light = rim * np.float32(0.4) + spark * np.float32(0.9)
    patch += light * (np.sqrt(patch.mean(axis=0)) * 1.1 - patch * 0.9)
    np.clip(patch, 0.0, 1.0, out=patch)
