"""Bubbles of water and foam in front of the tissue; they drift on their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from sali_core.data.augment import uniform


@dataclass(frozen=True)
class Bubbles:
    """Some bubbles: places and drift per frame in shares of the view, [N, 2] (y, x); radii [N]."""

    places: Tensor
    drift: Tensor
    radii: Tensor

    def draw(self, frames: Tensor, times: Sequence[float]) -> Tensor:
        """Return [T, 3, H, W] float with the bubbles at the given times."""
        frames = frames.clone()
        size = torch.tensor(frames.shape[-2:])
        for frame, time in zip(frames, times, strict=True):
            places = (self.places + self.drift * time) * size
            for (y, x), radius in zip(places.tolist(), self.radii.tolist(), strict=True):
                _draw_bubble(frame, y, x, radius * float(size.min()))
        return frames.clamp_(0, 1)


def create_bubbles(generator: Generator, *, foam: bool = False) -> Bubbles:
    """Draw a few bubbles, or a foam that covers most of the view.

    Args:
        generator: Source of randomness.
        foam: Many small bubbles in clusters.
    """
    if foam:
        clusters = torch.rand((4, 2), generator=generator) * 0.7 + 0.15
        count = int(uniform(generator, 30, 46))
        spread = 0.14 * torch.randn((4, count, 2), generator=generator)
        places = (clusters[:, None] + spread).view(-1, 2)
        largest = 0.055
    else:
        places = torch.rand((int(uniform(generator, 2, 12)), 2), generator=generator)
        largest = 0.07
    radii = 0.012 + (largest - 0.012) * torch.rand(len(places), generator=generator).square()
    common = 0.004 * torch.randn((1, 2), generator=generator)
    own = 0.0008 * torch.randn(places.shape, generator=generator)
    return Bubbles(places, common + own, radii)


def _draw_bubble(frame: Tensor, y: float, x: float, radius: float) -> None:
    """Draw a shaded disc with a bright rim and the lamp's reflection into [3, H, W], in place."""
    top, left = max(int(y - radius), 0), max(int(x - radius), 0)
    patch = frame[:, top : max(int(y + radius) + 2, 0), left : max(int(x + radius) + 2, 0)]
    if not patch.numel():
        return
    down = ((torch.arange(patch.shape[1]) + top - y) / radius)[:, None]
    across = ((torch.arange(patch.shape[2]) + left - x) / radius)[None, :]
    away = torch.sqrt(down.square() + across.square())
    inside = ((1 - away) * max(radius, 2.0)).clamp(0, 1)
    rim = (1 - (away - 0.85).abs() * 6).clamp(0, 1) * 0.5
    lamp = torch.sqrt((down + 0.35).square() + (across + 0.3).square())
    light = (rim + ((0.26 - lamp) * 8).clamp(0, 1)) * inside
    patch *= 1 - 0.15 * inside
    patch += light.clamp(0, 1) * (0.95 - patch)
