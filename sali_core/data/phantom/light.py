"""Light from the scope's tip, and the camera's automatic exposure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sali_core.data.phantom.look import SceneLook
    from sali_core.data.phantom.path import Pose
    from sali_core.data.phantom.surface import Surface

    F32 = NDArray[np.float32]


def illuminate(surface: Surface, pose: Pose, look: SceneLook) -> tuple[F32, F32]:
    """Light the surface by a lamp beside the lens, falling off with the square of distance.

    Returns:
        Scattered light [3, N] and mirrored light [N], both linear.
    """
    normal = surface.normal + surface.bump
    normal /= np.sqrt(np.einsum("cn,cn->n", normal, normal))
    lamp = (pose.rotation @ np.array([*look.light_side, 0.0])).astype(np.float32)
    towards = lamp[:, None] - surface.distance * surface.directions
    square = np.einsum("cn,cn->n", towards, towards)
    towards /= np.sqrt(square)
    facing = np.maximum(np.einsum("cn,cn->n", normal, towards), 0.0)
    # the last term swallows what lies too deep in the lumen to be lit
    falloff = 1.0 / (np.float32(0.3) + square + np.float32(4e-4) * square * square * square)
    received = (0.2 + 0.8 * facing) * falloff * surface.shade
    scattered = surface.albedo * received
    scattered *= np.array(look.light, dtype=np.float32)[:, None]
    # the mirror direction lies half way between lamp and lens
    half = towards - surface.directions
    half /= np.sqrt(np.einsum("cn,cn->n", half, half)) + np.float32(1e-6)
    wet = normal + 0.5 * surface.bump
    aligned = np.einsum("cn,cn->n", wet, half)
    aligned /= np.sqrt(np.einsum("cn,cn->n", wet, wet))
    lobe = np.clip((aligned - np.float32(0.982)) * np.float32(1 / 0.018), 0.0, 1.0)
    mirrored = lobe * lobe * lobe * surface.gloss * surface.gloss * falloff
    mirrored *= np.float32(3.4 * look.wetness)
    return scattered, mirrored


def expose(scattered: F32, mirrored: F32, look: SceneLook, gain: float) -> F32:
    """Turn linear light into a display picture in [0, 1].

    Args:
        scattered: [3, N] linear light.
        mirrored: [N] linear light, white.
        look: Aim of the automatic exposure.
        gain: Extra gain, 1 for a well exposed picture.

    Returns:
        [3, N] float32 in [0, 1].
    """
    sample = scattered[:, ::7]
    grey = 0.5 * sample[0] + 0.4 * sample[1] + 0.1 * sample[2]
    level = float(np.sqrt(grey).mean())
    scale = np.float32(gain * (look.exposure / max(level, 1e-3)) ** 2)
    picture = scattered + mirrored
    picture *= -scale
    np.exp(picture, out=picture)
    np.subtract(1.0, picture, out=picture)
    curved = np.sqrt(picture)
    mix = np.float32(look.contrast - 0.8)
    picture *= mix
    curved *= 1.0 - mix
    picture += curved
    return picture
