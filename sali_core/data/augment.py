"""Changes of appearance that a colonoscope's picture undergoes; every function keeps its input."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


def uniform(generator: Generator, low: float, high: float) -> float:
    """Draw one number from [low, high)."""
    return low + (high - low) * float(torch.rand((), generator=generator))


def shift_colour(clip: Tensor, generator: Generator) -> Tensor:
    """Change exposure, contrast, saturation and white balance, alike in all frames of a clip.

    Args:
        clip: [T, 3, H, W] float in [0, 1].
        generator: Source of randomness.
    """
    clip = clip ** uniform(generator, 0.75, 1.35)
    gains = torch.tensor([uniform(generator, 0.85, 1.15) for _ in range(3)]).view(3, 1, 1)
    clip = clip * gains * uniform(generator, 0.75, 1.25)
    grey = clip.mean(1, keepdim=True)
    clip = grey + (clip - grey) * uniform(generator, 0.7, 1.35)
    return clip.clamp(0, 1)


def blur(frames: Tensor, sigma: float, angle: float | None = None) -> Tensor:
    """Blur [T, 3, H, W]: round (defocus), or along a line at `angle` radians (motion)."""
    radius = max(int(3 * sigma), 1)
    axis = torch.arange(-radius, radius + 1, dtype=torch.float32)
    if angle is None:
        profile = torch.exp(-axis.square() / (2 * sigma**2))
        profile /= profile.sum()
        return _depthwise(_depthwise(frames, profile.view(1, -1)), profile.view(-1, 1))
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    direction = torch.tensor(angle)
    along = x * direction.cos() + y * direction.sin()
    across = y * direction.cos() - x * direction.sin()
    kernel = torch.exp(-across.square() / 0.5) * (along.abs() <= 2 * sigma)
    return _depthwise(frames, kernel / kernel.sum())


def add_glare(frames: Tensor, generator: Generator) -> Tensor:
    """Add up to six small white reflections, alike in all frames."""
    h, w = frames.shape[-2:]
    y = torch.linspace(0, 1, h)[:, None]
    x = torch.linspace(0, 1, w)[None, :]
    for _ in range(int(uniform(generator, 1, 7))):
        cy, cx = uniform(generator, 0.1, 0.9), uniform(generator, 0.1, 0.9)
        ry, rx = uniform(generator, 0.004, 0.02), uniform(generator, 0.004, 0.02)
        frames = frames + torch.exp(-(((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2))
    return frames.clamp(0, 1)


def add_noise(frames: Tensor, generator: Generator, sigma: float) -> Tensor:
    """Add Gaussian sensor noise of the given standard deviation."""
    noise = torch.randn(frames.shape, generator=generator)
    return (frames + sigma * noise).clamp(0, 1)


def spoil(frame: Tensor, generator: Generator) -> Tensor:
    """Make one frame [3, H, W] of bad quality: defocused, smeared, dark or washed out."""
    kind = int(uniform(generator, 0, 4))
    if kind == 0:
        return blur(frame[None], uniform(generator, 3, 7))[0]
    if kind == 1:
        return blur(frame[None], uniform(generator, 3, 6), uniform(generator, 0, 3.1416))[0]
    if kind == 2:
        return frame * uniform(generator, 0.12, 0.35)
    return (frame * uniform(generator, 1.6, 2.6) + 0.15).clamp(0, 1)


def _depthwise(frames: Tensor, kernel: Tensor) -> Tensor:
    kh, kw = kernel.shape
    padded = F.pad(frames, (kw // 2, kw // 2, kh // 2, kh // 2), mode="replicate")
    return F.conv2d(padded, kernel.expand(3, 1, kh, kw), groups=3)
