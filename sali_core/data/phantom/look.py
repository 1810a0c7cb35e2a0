"""How one seed's colon and endoscope look: every number that differs between scenes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sali_core.data.phantom.noise import create_rng


@dataclass(frozen=True, slots=True)
class SceneLook:
    """Appearance of a scene. Lengths are in tube radii (about 2.5 cm), colours linear RGB.

    Attributes:
        mucosa: Reflectance of the wall, (3,).
        vessel: What a vessel multiplies the reflectance by, (3,).
        vessel_strength: 0 (none seen) to 1 (clear network).
        mottle: Relative variation of the reflectance.
        relief: Strength of the fine surface relief.
        residue: Share of the wall covered by yellow residue, 0 to 0.1.
        wetness: Strength of the mirror reflections.
        fold_depth: How far folds reach inwards.
        fold_spacing: Distance between folds.
        lumen_sides: Triangularity of the lumen, 0 to 0.12.
        bend: Curvature of the tube.
        light: Colour of the lamp, (3,).
        light_side: Offset of the lamp from the lens along x and y of the picture.
        exposure: Mean brightness the automatic exposure aims at.
        contrast: Exponent applied to the linear picture.
        half_fov: Angle from the optical axis to the left edge, radians.
        corner: Share of the half height cut off by the octagon's corners.
        margin: Black margin around the octagon, share of the width and height.
        sensor_noise: Deviation of the sensor noise in grey levels of 255.
        sharpness: Edge enhancement, 0 to 1.
        speed: Travel in tube radii each second; negative while withdrawing.
    """

    mucosa: tuple[float, float, float]
    vessel: tuple[float, float, float]
    vessel_strength: float
    mottle: float
    relief: float
    residue: float
    wetness: float
    fold_depth: float
    fold_spacing: float
    lumen_sides: float
    bend: float
    light: tuple[float, float, float]
    light_side: tuple[float, float]
    exposure: float
    contrast: float
    half_fov: float
    corner: float
    margin: tuple[float, float]
    sensor_noise: float
    sharpness: float
    speed: float


# Linear reflectances read off colonoscopy pictures: red, salmon, orange, brown, pale pink.
_MUCOSAE = np.array(
    [
        [0.92, 0.17, 0.11],
        [0.92, 0.24, 0.14],
        [0.92, 0.25, 0.09],
        [0.82, 0.29, 0.15],
        [0.90, 0.29, 0.20],
        [0.88, 0.20, 0.15],
    ]
)


def create_look(seed: int) -> SceneLook:
    """Draw the appearance of the scene of `seed`."""
    rng = create_rng(seed, "look")
    first, second = rng.integers(0, len(_MUCOSAE), 2)
    share = rng.uniform(0.0, 1.0)
    mucosa = (share * _MUCOSAE[first] + (1.0 - share) * _MUCOSAE[second]) * rng.uniform(
        0.92, 1.08, 3
    )
    light = np.array([1.0, 1.0, 1.0]) * np.array(
        [1.0, rng.uniform(0.88, 1.08), rng.uniform(0.75, 1.25)]
    )
    withdrawing = rng.random() < 0.55
    return SceneLook(
        mucosa=(float(mucosa[0]), float(mucosa[1]), float(mucosa[2])),
        vessel=(
            float(rng.uniform(0.62, 0.8)),
            float(rng.uniform(0.25, 0.5)),
            float(rng.uniform(0.3, 0.55)),
        ),
        vessel_strength=float(rng.uniform(0.3, 1.0)),
        mottle=float(rng.uniform(0.05, 0.16)),
        relief=float(rng.uniform(0.5, 1.3)),
        residue=float(max(0.0, rng.uniform(-0.03, 0.015))),
        wetness=float(rng.uniform(0.4, 1.3)),
        fold_depth=float(rng.uniform(0.3, 0.52)),
        fold_spacing=float(rng.uniform(0.75, 1.35)),
        lumen_sides=float(rng.uniform(0.0, 0.12)),
        bend=float(rng.uniform(0.05, 0.13)),
        light=(float(light[0]), float(light[1]), float(light[2])),
        light_side=(float(rng.uniform(-0.12, 0.12)), float(rng.uniform(-0.12, 0.12))),
        exposure=float(rng.uniform(0.54, 0.72)),
        contrast=float(rng.uniform(1.0, 1.25)),
        half_fov=float(np.deg2rad(rng.uniform(52.0, 66.0))),
        corner=float(rng.uniform(0.2, 0.42)),
        margin=(float(rng.uniform(0.0, 0.07)), float(rng.uniform(0.0, 0.03))),
        sensor_noise=float(rng.uniform(0.8, 2.4)),
        sharpness=float(rng.uniform(0.2, 0.9)),
        speed=float(rng.uniform(0.42, 0.72)) * (-1.0 if withdrawing else 1.0),
    )
