"""An engine that costs next to nothing and finds two drifting blobs in every picture.

For measuring what comes after the network: every picture has a mask, and every mask is another one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from server.bench.marker_model import SIZE, MarkerInfo, MarkerOutput, output_of

_ROUND = 240


@dataclass
class Drift:
    """How many pictures a session has shown."""

    steps: int = 0


class DriftingEngine:
    info = MarkerInfo(name="drifting", profile="drifting", engine="drifting")

    def __init__(self) -> None:
        self._masks = [_blobs(2 * np.pi * step / _ROUND) for step in range(_ROUND)]

    def initial_state(self) -> Drift:
        return Drift()

    def step_many(self, states: list[Drift], frames: list[np.ndarray]) -> list[MarkerOutput]:
        return [self._step(state) for state, _ in zip(states, frames, strict=True)]

    def _step(self, state: Drift) -> MarkerOutput:
        state.steps += 1
        return output_of(self._masks[state.steps % _ROUND])


def create_engine(weights: str, device: str) -> DriftingEngine:
    return DriftingEngine()


def _blobs(angle: float) -> np.ndarray:
    """A large and a small ellipse going round the middle."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    mask = np.zeros((SIZE, SIZE), bool)
    for radius, width, height, phase in ((90, 50, 38, 0.0), (110, 16, 12, 2.5)):
        centre_x = SIZE / 2 + radius * np.cos(angle + phase)
        centre_y = SIZE / 2 + radius * np.sin(angle + phase)
        mask |= ((x - centre_x) / width) ** 2 + ((y - centre_y) / height) ** 2 < 1
    return mask
