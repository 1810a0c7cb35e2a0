"""How the frames of one clip look: what stays the same through it and what changes by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from sali_core.data import augment
from sali_core.data.augment import uniform
from sali_core.data.bubbles import Bubbles, create_bubbles


@dataclass(frozen=True)
class Colour:
    """Gamma, gain of each channel [3] and saturation; 1 leaves a picture as it is."""

    gamma: float
    gains: Tensor
    saturation: float

    def apply(self, frames: Tensor) -> Tensor:
        """Return [T, 3, H, W] float in [0, 1], all frames changed alike."""
        frames = frames**self.gamma * self.gains.view(3, 1, 1)
        grey = frames.mean(1, keepdim=True)
        return torch.lerp(grey, frames, self.saturation).clamp_(0, 1)


@dataclass(frozen=True)
class Appearance:
    """What is drawn once for a clip.

    Attributes:
        colour: Of all frames.
        has_glare: Whether the lamp is mirrored; every frame draws its own reflections.
        focus_sigma: Defocus of all frames at 256 pixels, 0 for sharp.
        bubbles: In front of the tissue, if any.
        noise_sigma: Of the sensor.
    """

    colour: Colour
    has_glare: bool
    focus_sigma: float
    bubbles: Bubbles | None
    noise_sigma: float

    def apply(self, frames: Tensor, times: Sequence[float], generator: Generator) -> Tensor:
        """Change the look of some frames; noise comes last and apart, by `augment.add_noise`.

        Args:
            frames: [T, 3, H, W] float in [0, 1].
            times: Of the frames, for what drifts.
            generator: Source of what differs by frame: exposure and glare.
        """
        frames = self.colour.apply(frames)
        if self.bubbles is not None:
            frames = self.bubbles.draw(frames, times)
        if self.has_glare:
            frames = augment.add_glare(frames, generator)
        if self.focus_sigma:
            frames = augment.blur(frames, self.focus_sigma * frames.shape[-1] / 256)
        return augment.vary_exposure(frames, generator).clamp_(0, 1)


def create_colour(generator: Generator, reach: float = 1.0) -> Colour:
    """Draw exposure, contrast, white balance and saturation, at most `reach` of the way from 1."""
    gamma = uniform(generator, 0.75, 1.35)
    gains = 0.85 + 0.3 * torch.rand(3, generator=generator)
    gains = gains * uniform(generator, 0.75, 1.25)
    saturation = uniform(generator, 0.7, 1.35)
    return Colour(
        1 + reach * (gamma - 1), 1 + reach * (gains - 1), saturation=1 + reach * (saturation - 1)
    )


def create_appearance(generator: Generator, *, bubbles: float, reach: float = 1.0) -> Appearance:
    """Draw the look of a clip.

    Args:
        generator: Source of randomness.
        bubbles: Share of clips with bubbles.
        reach: How far, in [0, 1], colour, defocus and noise go.
    """
    return Appearance(
        colour=create_colour(generator, reach),
        has_glare=uniform(generator, 0, 1) < 0.3,
        focus_sigma=reach * uniform(generator, 0.5, 2.0)
        if uniform(generator, 0, 1) < 0.25
        else 0.0,
        bubbles=create_bubbles(generator) if uniform(generator, 0, 1) < bubbles else None,
        noise_sigma=reach * uniform(generator, 0.0, 0.02),
    )
