"""Branching blood vessels drawn into a tile that wraps around."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sali_core.data.phantom.noise import blur_tile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    F32 = NDArray[np.float32]
    F64 = NDArray[np.float64]

_STEPS = 110
_WIDTH_CLASSES = 4


def draw_vessels(rng: np.random.Generator, side_px: int, density: float) -> F32:
    """Grow vessel trees and draw them.

    Walkers start as thick trunks, wander, and split into thinner ones; all walk at once.

    Args:
        rng: Source of randomness.
        side_px: Side of the square tile.
        density: Trunks for each tile of 1024 pixels, about 10 to 40.

    Returns:
        [side_px, side_px] float32 in [0, 1]: how much vessel a texel shows.
    """
    unit = side_px / 1024.0
    points, widths = _grow(rng, max(4, round(density)), side_px)
    drawn = np.zeros((side_px, side_px), dtype=np.float32)
    edges = np.geomspace(0.8, 4.7, _WIDTH_CLASSES + 1)
    for low, high in pairwise(edges):
        chosen = points[(widths >= low) & (widths < high)]
        cells = np.floor(chosen).astype(np.int64) % side_px
        counts = np.bincount(cells[:, 0] * side_px + cells[:, 1], minlength=side_px * side_px)
        dots = counts.astype(np.float32).reshape(side_px, side_px)
        sigma = max(0.55, 0.5 * float(low + high) * unit * 0.75)
        ink = blur_tile(dots, (sigma, sigma)) * np.float32(sigma * 2.5)
        strength = 0.45 + 0.55 * (low - edges[0]) / (edges[-1] - edges[0])
        np.maximum(drawn, np.float32(strength) * (1.0 - np.exp(-3.0 * ink)), out=drawn)
    return np.clip(drawn, 0.0, 1.0)


def _grow(rng: np.random.Generator, trunks: int, side_px: int) -> tuple[F64, F64]:
    """Return points [P, 2] in texels (unwrapped) and widths [P] in texels of a 1024 tile."""
    step = 2.2 * side_px / 1024.0
    place = rng.uniform(0.0, side_px, (trunks, 2))
    angle = rng.uniform(0.0, 2.0 * np.pi, trunks)
    width = rng.uniform(2.2, 4.6, trunks)
    turn = np.zeros(trunks)
    all_points: list[F64] = []
    all_widths: list[F64] = []
    for _ in range(_STEPS * 3):
        turn = 0.9 * turn + rng.normal(0.0, 0.021, len(angle))
        angle = angle + turn
        place = place + step * np.stack([np.sin(angle), np.cos(angle)], axis=1)
        width = width * 0.9972
        for shift in (0.0, 0.5):
            ahead = np.stack([np.sin(angle), np.cos(angle)], axis=1)
            all_points.append(place + shift * step * ahead)
            all_widths.append(width)
        splits = (rng.random(len(angle)) < 0.024) & (width > 1.0)
        side = np.where(rng.random(int(splits.sum())) < 0.5, -1.0, 1.0)
        spread = side * rng.uniform(0.3, 0.9, len(side))
        place = np.concatenate([place, place[splits]])
        angle = np.concatenate([angle, angle[splits] + spread])
        turn = np.concatenate([turn, np.zeros(len(side))])
        width = np.concatenate([width, width[splits] * rng.uniform(0.55, 0.8, len(side))])
        width[: len(splits)][splits] *= 0.9
        alive = width > 0.8
        place, angle, turn, width = place[alive], angle[alive], turn[alive], width[alive]
    return np.concatenate(all_points), np.concatenate(all_widths)
