"""What may take the network's seat: anything that segments a stream frame by frame.

The service and the commands know no more of a network than this. SALI's own engine is one such
model (`sali_core.engine`); others come as Python packages by the entry point group
`sali_live.models` (docs/models.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sali_core.types import StepResult


@dataclass(frozen=True)
class ModelInfo:
    """What a model says of itself.

    Attributes:
        name: Name of the weights.
        threshold: Fixed threshold on the probability, chosen on validation data.
        input_size: (height, width) of the frames it takes.
        device: Where it runs: `cpu`, `cuda:0`.
        profile: Profile of the network.
        engine: How it runs: `eager`, `openvino`, `cuda-graphs`.
        reason: Why this engine was picked.
        precision: What it computes in: `float32`, `bfloat16`.
    """

    name: str
    threshold: float
    input_size: tuple[int, int]
    device: str = "cpu"
    profile: str = "custom"
    engine: str = "custom"
    reason: str = ""
    precision: str = "float32"


class StreamModel(Protocol):
    """Steps many streams through one network. Used by one thread at a time."""

    @property
    def info(self) -> ModelInfo:
        """What it is."""
        ...

    def initial_state(self) -> Any:
        """Return the memory of a stream that has seen nothing; None if the model needs none."""
        ...

    def step(self, state: Any, rgb: npt.NDArray[np.uint8]) -> StepResult:
        """Segment the next frame [H, W, 3] uint8 of a stream; its state changes in place."""
        ...

    def step_many(
        self, states: Sequence[Any], frames: Sequence[npt.NDArray[np.uint8]]
    ) -> Sequence[StepResult]:
        """Segment the next frame of each of several different streams, in their order."""
        ...
