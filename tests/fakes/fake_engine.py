"""An engine without a network, for tests of everything around it.

`create_engine(weights, device)` reads its behaviour from the weights' name, comma separated:

    ok              masks at once
    broken          refuses to load, as a damaged checkpoint does
    bug             fails to load with an error that is not made for people
    load:MS         takes that long to load
    step:MS         takes that long for each step
    each:MS         takes that long for each picture of a step
    crash:N         the process dies at the N-th step
    hang:N          the N-th step never ends
    fail:N          the N-th step raises

The mask is where red exceeds 128, with one more thing: the first row holds as many set pixels as
the session's memory has seen pictures, so a test can read the memory from the mask.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sali_core.errors import CheckpointError

RED_THRESHOLD = 128


@dataclass(frozen=True)
class FakeInfo:
    name: str = "fake"
    profile: str = "fake"
    device: str = "cpu"
    engine: str = "fake"
    threshold: float = 0.5
    input_size: tuple[int, int] = (352, 352)


@dataclass
class FakeState:
    pictures: int = 0
    is_measured: bool = False


@dataclass(frozen=True)
class FakeOutput:
    mask: np.ndarray
    probability: np.ndarray


@dataclass
class FakeEngine:
    behaviour: dict[str, int] = field(default_factory=dict)
    info: FakeInfo = field(default_factory=FakeInfo)
    # The runner warms a model up with three pictures and measures full memories; N counts neither.
    steps: int = -3

    def initial_state(self) -> FakeState:
        return FakeState()

    def full_state(self) -> FakeState:
        return FakeState(is_measured=True)

    def step_many(
        self, states: Sequence[FakeState], frames: Sequence[np.ndarray]
    ) -> list[FakeOutput]:
        time.sleep(
            (self.behaviour.get("step", 0) + self.behaviour.get("each", 0) * len(states)) / 1e3
        )
        if states[0].is_measured:
            return [_output(state, frame) for state, frame in zip(states, frames, strict=True)]
        self.steps += 1
        if self.steps == self.behaviour.get("crash"):
            os._exit(3)
        if self.steps == self.behaviour.get("hang"):
            time.sleep(3600)
        if self.steps == self.behaviour.get("fail"):
            raise RuntimeError("out of memory\nwith details")
        return [_output(state, frame) for state, frame in zip(states, frames, strict=True)]


def _output(state: FakeState, frame: np.ndarray) -> FakeOutput:
    state.pictures += 1
    mask = frame[:, :, 0] > RED_THRESHOLD
    mask[0] = False
    mask[0, : state.pictures] = True
    return FakeOutput(mask, np.where(mask, 0.9, 0.1).astype(np.float32))


def create_engine(weights: str, device: str) -> FakeEngine:
    behaviour: dict[str, int] = {}
    for word in weights.split(","):
        name, _, value = word.partition(":")
        behaviour[name] = int(value or 0)
    if "broken" in behaviour:
        raise CheckpointError(f"{weights}.safetensors is damaged: its header cannot be read")
    if "bug" in behaviour:
        raise RuntimeError("device lost")
    time.sleep(behaviour.get("load", 0) / 1e3)
    return FakeEngine(behaviour)
