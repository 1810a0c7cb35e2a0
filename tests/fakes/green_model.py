"""A model from elsewhere, as `module:function`: what is green is polyp."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sali_core.stream.model import ModelInfo
from sali_core.types import StepResult


class GreenModel:
    """Needs no memory; takes pictures that are wider than high."""

    info = ModelInfo("green", 0.5, (32, 48))

    def initial_state(self) -> None:
        """Return nothing."""

    def step(self, state: None, rgb: npt.NDArray[np.uint8]) -> StepResult:
        """Take the green channel for the probability."""
        assert rgb.shape == (32, 48, 3)
        probability = rgb[..., 1].astype(np.float32) / 255
        return StepResult(probability * 8 - 4, probability, probability >= 0.5)

    def step_many(
        self, states: list[None], frames: list[npt.NDArray[np.uint8]]
    ) -> list[StepResult]:
        """Step one by one."""
        return [self.step(state, frame) for state, frame in zip(states, frames, strict=True)]


def create(weights: str, device: str) -> GreenModel:
    """Ignore both."""
    return GreenModel()
