"""What each ray sees before light falls on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sali_core.data.phantom.texture import GLOSS, LEVELS, TILT_PSI, TILT_S, MucosaTexture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sali_core.data.phantom.look import SceneLook
    from sali_core.data.phantom.raycast import Hits

    F32 = NDArray[np.float32]


@dataclass(slots=True)
class Surface:
    """Per-ray surface, planar: [3, N] vectors and [N] scalars, float32.

    Attributes:
        distance: Length of the ray.
        directions: Unit ray directions.
        normal: Unit normals without fine relief.
        bump: Offset of the normal by the fine relief.
        albedo: Reflectance.
        gloss: 0 (dull) to about 1 (wet).
        shade: Factor on the light from what surrounds the point.
        polyp: True where a polyp is seen, [N] bool.
    """

    distance: F32
    directions: F32
    normal: F32
    bump: F32
    albedo: F32
    gloss: F32
    shade: F32
    polyp: NDArray[np.bool_]


def create_wall(hits: Hits, texture: MucosaTexture, look: SceneLook, focal_px: float) -> Surface:
    """Dress the tube's wall with the mucosa's texture."""
    normal = hits.normal
    facing = np.abs(np.einsum("cn,cn->n", normal, hits.directions))
    footprint = hits.distance * (texture.texels_per_unit / np.float32(focal_px))
    footprint /= facing + np.float32(0.25)
    level = np.zeros(len(footprint), dtype=np.int64)
    for step in range(1, LEVELS):
        level += footprint > np.float32(1.2 * 2 ** (step - 1))
    # measured along the wall, not along the axis: the faces of folds keep their texture
    texels = texture.lookup(hits.s - np.float32(0.9) * hits.radius, hits.psi, level)
    relief = np.float32(look.relief) * (np.float32(0.25) + np.float32(0.75) * facing)
    tilt_psi = texels[TILT_PSI] * relief
    bump = np.stack([normal[1] * tilt_psi, -normal[0] * tilt_psi, texels[TILT_S] * relief])
    albedo = texels[:3]
    # stretched over a crest the mucosa is paler
    crest = np.maximum(hits.relief, 0.0) * np.float32(0.22)
    albedo[1] *= 1.0 + crest
    albedo[2] *= 1.0 + crest
    return Surface(
        distance=hits.distance,
        directions=hits.directions,
        normal=normal,
        bump=bump,
        albedo=albedo,
        gloss=texels[GLOSS],
        shade=1.0 + np.float32(0.32) * hits.relief,
        polyp=np.zeros(len(footprint), dtype=np.bool_),
    )
