"""Changes of appearance that a colonoscope's picture undergoes; every function keeps its input."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


def uniform(generator: Generator, low: float, high: float) -> float:
    """Draw one number from [low, high)."""
    return low + (high - low) * float(torch.rand((), generator=generator))


def vary_exposure(frames: Tensor, generator: Generator) -> Tensor:
    """Make every frame [T, 3, H, W] a little brighter or darker, now and then much more."""
    gains = []
    for _ in frames:
        reach = 0.3 if uniform(generator, 0, 1) < 0.08 else 0.07
        gains.append(1 + uniform(generator, -reach, reach))
    return frames * torch.tensor(gains).view(-1, 1, 1, 1)


def blur(frames: Tensor, sigma: float) -> Tensor:
    """Defocus [T, 3, H, W] by a Gaussian of `sigma` pixels."""
    if sigma >= 3:
        # A wide blur leaves nothing that half the resolution would lose, at a quarter of the cost.
        half = blur(F.avg_pool2d(frames, 2, ceil_mode=True), sigma / 2)
        return F.interpolate(half, frames.shape[-2:], mode="bilinear", align_corners=False)
    radius = max(math.ceil(2.5 * sigma), 1)
    profile = torch.exp(-torch.arange(-radius, radius + 1).square() / (2 * sigma**2))
    weights = (profile / profile.sum()).tolist()
    # Sums of shifted copies: five times faster than a grouped convolution on a CPU.
    across = [(0, shift, w) for shift, w in enumerate(weights, -radius)]
    return _sum_shifted(
        _sum_shifted(frames, across, radius), [(x, y, w) for y, x, w in across], radius
    )


def smear(frames: Tensor, length: float, angle: float) -> Tensor:
    """Blur [T, 3, H, W] along a line of `length` pixels at `angle` radians, as motion does."""
    steps = max(round(length), 1)
    dy, dx = math.sin(angle), math.cos(angle)
    along = [length * (k / steps - 0.5) for k in range(steps + 1)]
    copies = [(round(dy * a), round(dx * a), 1 / (steps + 1)) for a in along]
    return _sum_shifted(frames, copies, steps // 2 + 1)


def add_glare(frames: Tensor, generator: Generator) -> Tensor:
    """Add up to six small white reflections that wander and flicker from frame to frame.

    Args:
        frames: [T, 3, H, W] float in [0, 1].
        generator: Source of randomness.
    """
    frames = frames.clone()
    size = torch.tensor(frames.shape[-2:])
    for _ in range(int(uniform(generator, 1, 7))):
        centre = torch.rand(2, generator=generator) * 0.8 + 0.1
        radius = (torch.rand(2, generator=generator) * 0.016 + 0.004) * size
        for frame in frames:
            wander = 0.02 * torch.randn(2, generator=generator)
            strength = uniform(generator, -0.2, 1.2)
            if strength > 0:
                _add_spot(frame, (centre + wander) * size, radius, strength)
    return frames.clamp_(0, 1)


def add_noise(frames: Tensor, generator: Generator, sigma: float) -> Tensor:
    """Add Gaussian sensor noise of the given standard deviation."""
    noise = torch.randn(frames.shape, generator=generator)
    return frames.add(noise, alpha=sigma).clamp_(0, 1)


def to_uint8(frames: Tensor) -> Tensor:
    """Turn float in [0, 1] into uint8."""
    return frames.clamp(0, 1).mul_(255).round_().to(torch.uint8)


def _sum_shifted(frames: Tensor, copies: list[tuple[int, int, float]], reach: int) -> Tensor:
    """Sum copies moved by (rows, columns), each with a weight; edges repeat."""
    h, w = frames.shape[-2:]
    padded = F.pad(frames, (reach, reach, reach, reach), mode="replicate")
    total = torch.zeros_like(frames)
    for y, x, weight in copies:
        rows, columns = slice(reach + y, reach + y + h), slice(reach + x, reach + x + w)
        total.add_(padded[..., rows, columns], alpha=weight)
    return total


def _add_spot(frame: Tensor, centre: Tensor, radius: Tensor, strength: float) -> None:
    """Add one round-edged white spot to [3, H, W] in place; centre and radius are (y, x) pixels."""
    low = (centre - 3 * radius).floor().long().clamp_min(0).tolist()
    high = ((centre + 3 * radius).ceil().long() + 1).tolist()
    patch = frame[:, low[0] : max(high[0], 0), low[1] : max(high[1], 0)]
    y = (torch.arange(patch.shape[1])[:, None] + low[0] - centre[0]) / radius[0]
    x = (torch.arange(patch.shape[2])[None, :] + low[1] - centre[1]) / radius[1]
    patch += strength * torch.exp(-(y.square() + x.square()))
