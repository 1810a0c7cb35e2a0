"""Polyps: where they grow and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sali_core.data.phantom.noise import create_rng

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sali_core.data.phantom.look import SceneLook
    from sali_core.data.phantom.tube import Tube

    F64 = NDArray[np.float64]

SIGHT = 4.2  # how far ahead the nearest part of a polyp is drawn, in tube radii
FULL_SIGHT = 3.4  # within this distance it has its full size
PASSED = 0.4  # about here it leaves the picture
GAP_S = (1.9, 4.0)


@dataclass(frozen=True, slots=True)
class Polyp:
    """One polyp as a smooth union of ellipsoids, in the tube's axes.

    Attributes:
        shape: "sessile", "flat", "lobed" or "pedunculated".
        centre: Centre of the bounding sphere, (3,).
        reach: Radius of the bounding sphere.
        root: Where it grows out of the wall, (3,).
        centres: Centres of the ellipsoids, [B, 3].
        to_unit: Matrices taking each ellipsoid to the unit sphere, [B, 3, 3].
        is_head: [B] bool; False for the parts of a stalk.
        axes: Rows are two directions along the wall and the inward normal, [3, 3].
        tint: What the head multiplies the mucosa's reflectance by, (3,).
        roughness: Strength of its surface relief.
        blend: Length over which parts and wall flow into each other.
    """

    shape: str
    centre: F64
    reach: float
    root: F64
    centres: F64
    to_unit: F64
    is_head: NDArray[np.bool_]
    axes: F64
    tint: F64
    roughness: float
    blend: float


def create_polyps(seed: int, look: SceneLook, tube: Tube, seconds: float) -> list[Polyp]:
    """Grow the polyps the camera passes in the first `seconds`, sorted by z.

    Polyps stand in groups of one to three; between two groups the camera travels for GAP_S with
    no polyp in sight.
    """
    rng = create_rng(seed, "polyps")
    speed = abs(look.speed)
    forwards = look.speed > 0
    at = float(rng.uniform(1.2, 4.5)) if forwards else float(rng.uniform(-1.0, 3.0))
    travelled = 0.0
    polyps: list[Polyp] = []
    while travelled < seconds * speed + 12.0:
        count = int(rng.choice([1, 1, 1, 2, 2, 3]))
        psi = float(rng.uniform(0.0, 2.0 * np.pi))
        spread = 0.0
        for _ in range(count):
            s = at + (spread if forwards else -spread)
            polyps.append(_grow(rng, tube, s, psi))
            psi += float(rng.uniform(1.2, 4.0))
            spread += float(rng.uniform(0.1, 0.9))
        step = SIGHT - PASSED + spread + float(rng.uniform(*GAP_S)) * speed
        travelled += step
        at += step if forwards else -step
    return sorted(polyps, key=lambda polyp: float(polyp.centre[2]))


def _grow(rng: np.random.Generator, tube: Tube, s: float, psi: float) -> Polyp:
    """Grow one polyp on the wall at (s, psi)."""
    point, normal = tube.surface(s, psi)
    first = np.cross(normal, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    axes = np.stack([first, np.cross(normal, first), normal])
    shape = str(rng.choice(["sessile", "flat", "lobed", "pedunculated"], p=[0.38, 0.14, 0.2, 0.28]))
    size = float(np.clip(rng.lognormal(np.log(0.29), 0.34), 0.11, 0.5))
    room = float(np.linalg.norm(point[:2] - tube.centre(s)))
    size = min(size, 0.42 * room)
    if shape == "pedunculated":
        size = min(max(size, 0.14), 0.34)
        parts = _pedunculated(rng, point, axes, size, room)
    else:
        parts = _domed(rng, point, axes, size, shape)
    centres = np.array([part[0] for part in parts])
    radii = np.array([part[2] for part in parts])
    middle = centres.mean(axis=0)
    reach = float((np.linalg.norm(centres - middle, axis=1) + radii).max())
    return Polyp(
        shape=shape,
        centre=middle,
        reach=reach,
        root=point,
        centres=centres,
        to_unit=np.array([part[1] for part in parts]),
        is_head=np.array([part[3] for part in parts]),
        axes=axes,
        tint=_tint(rng),
        roughness=float(rng.uniform(0.5, 1.6)),
        blend=float(0.05 + 0.16 * size),
    )


def _ellipsoid(centre: F64, axes: F64, semi: F64, is_head: bool) -> tuple[F64, F64, float, bool]:
    """Return centre, matrix to the unit sphere, largest semi-axis, and whether it is head."""
    return centre, axes / semi[:, None], float(semi.max()), is_head


def _domed(
    rng: np.random.Generator, point: F64, axes: F64, size: float, shape: str
) -> list[tuple[F64, F64, float, bool]]:
    """Return the parts of a polyp that sits on the wall: a dome, with knobs when lobed."""
    height = size * (rng.uniform(0.28, 0.42) if shape == "flat" else rng.uniform(0.5, 0.85))
    stretch = rng.uniform(0.75, 1.3)
    turn = rng.uniform(0.0, np.pi)
    turned = axes.copy()
    turned[0] = np.cos(turn) * axes[0] + np.sin(turn) * axes[1]
    turned[1] = np.cross(axes[2], turned[0])
    semi = np.array([size * stretch, size / stretch, height])
    middle = point + axes[2] * height * rng.uniform(-0.05, 0.2)
    parts = [_ellipsoid(middle, turned, semi, True)]
    knobs = int(rng.integers(5, 10)) if shape == "lobed" else int(rng.integers(2, 5))
    for _ in range(knobs):
        towards = rng.normal(0.0, 1.0, 3)
        towards[2] = abs(towards[2]) * 0.7
        towards /= np.linalg.norm(towards)
        inside = rng.uniform(0.5, 0.8) if shape == "lobed" else rng.uniform(0.35, 0.6)
        knob = size * (rng.uniform(0.34, 0.56) if shape == "lobed" else rng.uniform(0.5, 0.68))
        semi_knob = np.array([knob, knob, min(knob, height * 0.9)]) * rng.uniform(0.88, 1.12, 3)
        parts.append(
            _ellipsoid(middle + (towards * semi * inside) @ turned, turned, semi_knob, True)
        )
    return parts


def _pedunculated(
    rng: np.random.Generator, point: F64, axes: F64, size: float, room: float
) -> list[tuple[F64, F64, float, bool]]:
    """Return the parts of a polyp on a stalk: stalk from the wall, leaning, and a round head."""
    length = min(size * rng.uniform(1.5, 2.4), 0.62 * room)
    lean = rng.uniform(0.3, 1.0) * length
    angle = rng.uniform(0.0, 2.0 * np.pi)
    sideways = np.cos(angle) * axes[0] + np.sin(angle) * axes[1]
    thickness = size * rng.uniform(0.34, 0.5)
    steps = np.linspace(0.0, 1.0, 6)
    curve = point + steps[:, None] * length * axes[2] + (steps**2)[:, None] * lean * sideways
    parts = []
    for start, end in pairwise(curve):
        along = end - start
        span = float(np.linalg.norm(along))
        along /= span
        across = np.cross(along, axes[0] + 0.3 * axes[1])
        across /= np.linalg.norm(across)
        frame = np.stack([across, np.cross(along, across), along])
        semi = np.array([thickness, thickness, max(span * 1.1, thickness)])
        parts.append(_ellipsoid(0.5 * (start + end), frame, semi, False))
    tip = parts[-1][1]
    frame = tip / np.linalg.norm(tip, axis=1, keepdims=True)
    semi = size * rng.uniform(0.72, 1.12, 3)
    parts.append(_ellipsoid(curve[-1], frame, semi, True))
    for _ in range(int(rng.integers(4, 9))):
        towards = rng.normal(0.0, 1.0, 3)
        towards /= np.linalg.norm(towards)
        knob = size * rng.uniform(0.36, 0.62, 3)
        parts.append(
            _ellipsoid(
                curve[-1] + (towards * semi * rng.uniform(0.5, 0.78)) @ frame, frame, knob, True
            )
        )
    return parts


def _tint(rng: np.random.Generator) -> F64:
    """Return a polyp's colour relative to the mucosa: redder, paler or much the same."""
    kind = rng.random()
    if kind < 0.5:
        base = np.array([1.02, 0.66, 0.72])
    elif kind < 0.75:
        base = np.array([1.08, 1.22, 1.22])
    else:
        base = np.array([0.96, 0.9, 0.95])
    return np.asarray(base * rng.uniform(0.92, 1.08, 3))
