"""Bad quality: what makes frames of a colonoscopy useless for a while."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import torch.nn.functional as F
from torch import Generator, Tensor

from sali_core.data import augment
from sali_core.data.augment import uniform
from sali_core.data.bubbles import create_bubbles


class Defect(Enum):
    """Kinds of bad quality."""

    DEFOCUS = "defocus"
    SMEAR = "smear"
    DARK = "dark"
    WASHED_OUT = "washed out"
    FOAM = "foam"


@dataclass(frozen=True)
class Spoiler:
    """One stretch of bad quality: one defect, of changing strength."""

    defect: Defect
    generator: Generator

    def spoil(self, frames: Tensor, times: Sequence[float]) -> Tensor:
        """Return [T, 3, H, W] float in [0, 1], every frame spoilt."""
        return _DEFECTS[self.defect](frames, times, self.generator)


def create_spoiler(generator: Generator) -> Spoiler:
    """Draw the defect of one stretch; it goes on drawing from `generator`."""
    kinds = list(Defect)
    return Spoiler(kinds[int(uniform(generator, 0, len(kinds)))], generator)


def _defocus(frames: Tensor, _times: Sequence[float], generator: Generator) -> Tensor:
    unit = frames.shape[-1] / 256
    return _each(frames, lambda one: augment.blur(one, unit * uniform(generator, 3.5, 8)))


def _smear(frames: Tensor, _times: Sequence[float], generator: Generator) -> Tensor:
    unit, angle = frames.shape[-1] / 256, uniform(generator, 0, 3.1416)
    return _each(
        frames,
        lambda one: augment.smear(
            one, unit * uniform(generator, 12, 28), angle + uniform(generator, -0.3, 0.3)
        ),
    )


def _darken(frames: Tensor, _times: Sequence[float], generator: Generator) -> Tensor:
    return _each(frames, lambda one: one * uniform(generator, 0.1, 0.35))


def _wash_out(frames: Tensor, _times: Sequence[float], generator: Generator) -> Tensor:
    # The border around the picture stays black; the mean tells it from noise.
    around = F.avg_pool2d(frames.amax(1, keepdim=True), 9, 1, 4)
    lit = ((around - 0.03) / 0.06).clamp(0, 1)
    bright = _each(frames, lambda one: one * uniform(generator, 1.6, 2.6))
    return (bright + 0.15 * lit).clamp(0, 1)


def _foam(frames: Tensor, times: Sequence[float], generator: Generator) -> Tensor:
    foamy = create_bubbles(generator, foam=True).draw(frames, times)
    return augment.blur(foamy, frames.shape[-1] / 256 * uniform(generator, 0.8, 1.6))


def _each(frames: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    changed = frames.clone()
    for index in range(len(frames)):
        changed[index] = change(frames[index : index + 1])[0]
    return changed


_DEFECTS = {
    Defect.DEFOCUS: _defocus,
    Defect.SMEAR: _smear,
    Defect.DARK: _darken,
    Defect.WASHED_OUT: _wash_out,
    Defect.FOAM: _foam,
}
