"""A model whose memory a test can follow: every second picture enters, the last three stay.

All attention goes to the newest frame but a tenth, which the others share. It has maps of two
cells, the left one with all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sali_core.types import MemoryReading, StepResult
from tests.fakes.fake_engine import FakeInfo

CAPACITY = 3


@dataclass
class RememberingState:
    seen: int = 0
    held: tuple[int, ...] = ()
    is_asked: bool = False


@dataclass
class RememberingModel:
    info: FakeInfo = field(default_factory=FakeInfo)
    asked: int = 0

    def initial_state(self) -> RememberingState:
        return RememberingState()

    def ask(self, state: RememberingState) -> None:
        self.asked += 1
        state.is_asked = True

    def frames_held(self, state: RememberingState) -> tuple[int, ...]:
        return state.held

    def step_many(
        self, states: Sequence[RememberingState], frames: Sequence[np.ndarray]
    ) -> list[StepResult]:
        return [_step(state, frame) for state, frame in zip(states, frames, strict=True)]


def _step(state: RememberingState, frame: np.ndarray) -> StepResult:
    reading = _read(state.held) if state.is_asked else None
    state.is_asked = False
    number = state.seen if state.seen % 2 == 0 else None
    if number is not None:
        state.held = (*state.held, number)[-CAPACITY:]
    state.seen += 1
    mask = frame[:, :, 0] > 128
    probability = np.where(mask, 0.9, 0.1).astype(np.float32)
    return StepResult(probability, probability, mask, number, reading)


def _read(held: tuple[int, ...]) -> MemoryReading:
    if not held:
        return MemoryReading()
    shares = np.full(len(held), 0.1 / max(len(held) - 1, 1), np.float32)
    shares[-1] = 1 - shares[:-1].sum()
    maps = np.zeros((len(held), 1, 2), np.float32)
    maps[:, 0, 0] = shares
    return MemoryReading(held, shares, maps)


def create_model(weights: str, device: str) -> RememberingModel:
    return RememberingModel()
