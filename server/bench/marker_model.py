"""A stand-in for the network: says which picture it saw, and takes as long as it is told.

Its mask is one square whose place tells the number it read in the picture (`coded_video`) modulo
64, so that whoever sees a mask on a picture can tell whether it is that picture's own. A picture
without a readable number gives an empty mask.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sali_core.data.phantom.frame_code import read_frame_code

SIZE = 352
PLACES = 64
SQUARE_PX = 24
_FIRST_PX, _STEP_PX = 24, 36


def place_of(number: int) -> tuple[float, float]:
    """Return the centre (x, y) of the square for a number, as a share of the picture."""
    x, y = _corner(number)
    return (x + SQUARE_PX / 2) / SIZE, (y + SQUARE_PX / 2) / SIZE


def _corner(number: int) -> tuple[int, int]:
    row, column = divmod(number % PLACES, 8)
    return _FIRST_PX + column * _STEP_PX, _FIRST_PX + row * _STEP_PX


@dataclass(frozen=True)
class MarkerInfo:
    """What the model says of itself; `sali_core.stream.model.ModelInfo` would load torch."""

    name: str = "marker"
    profile: str = "marker"
    device: str = "cpu"
    engine: str = "marker"
    threshold: float = 0.5
    input_size: tuple[int, int] = (SIZE, SIZE)
    reason: str = ""
    precision: str = "float32"


@dataclass(frozen=True)
class MarkerOutput:
    """As `sali_core.types.StepResult`."""

    logits: npt.NDArray[np.float32]
    probability: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_]


class MarkerModel:
    """Implements `sali_core.stream.model.StreamModel`.

    Args:
        code: (width, height) of the picture's number, as a share of the picture.
        step_file: Holds the time of a step in milliseconds, read anew at each step; None: 0.
    """

    info = MarkerInfo()

    def __init__(self, code: tuple[float, float], step_file: Path | None = None) -> None:
        self._code = code
        self._step_file = step_file

    def initial_state(self) -> None:
        """Remember nothing."""

    def step(self, state: None, rgb: npt.NDArray[np.uint8]) -> MarkerOutput:
        """Mark one picture."""
        return self.step_many([state], [rgb])[0]

    def step_many(
        self, states: Sequence[None], frames: Sequence[npt.NDArray[np.uint8]]
    ) -> list[MarkerOutput]:
        """Mark one picture of each stream, in the time that a step takes."""
        step_ms = float(self._step_file.read_text()) if self._step_file else 0.0
        end = time.monotonic() + step_ms / 1e3
        outputs = [self._mark(frame) for frame in frames]
        time.sleep(max(0.0, end - time.monotonic()))
        return outputs

    def read_number(self, frame: npt.NDArray[np.uint8]) -> int | None:
        """Read the number in a picture [352, 352, 3]; None if there is none."""
        width, height = self._code[0] * SIZE, self._code[1] * SIZE
        top = int(SIZE - height)
        # Rounded down, so that the box does not reach beyond the frame by a rounding error.
        y = int(100 * (SIZE - height - top)) / 100
        return read_frame_code(frame[top:], (0.0, y, width, height))

    def _mark(self, frame: npt.NDArray[np.uint8]) -> MarkerOutput:
        number = self.read_number(frame)
        mask = np.zeros((SIZE, SIZE), np.bool_)
        if number is not None:
            x, y = _corner(number)
            mask[y : y + SQUARE_PX, x : x + SQUARE_PX] = True
        return output_of(mask)


def output_of(mask: npt.NDArray[np.bool_]) -> MarkerOutput:
    """Return what a model that is sure of its mask gives."""
    probability = mask.astype(np.float32)
    return MarkerOutput(probability, probability, mask)


class StepTime:
    """How long the steps of running marker models take; may be changed while they run."""

    def __init__(self, file: Path, milliseconds: int) -> None:
        self.file = file
        self.set(milliseconds)

    def set(self, milliseconds: int) -> None:
        """Let the next steps take so long."""
        written = self.file.with_suffix(".new")
        written.write_text(str(milliseconds))
        # In one go: a model that reads meanwhile sees the old time or the new one.
        written.replace(self.file)


def marker_weights(size: tuple[int, int], block_px: int, step_file: Path) -> str:
    """Name the `weights` of a marker model for pictures of this (width, height)."""
    return f"{16 * block_px / size[0]:.6f}:{2 * block_px / size[1]:.6f}:{step_file}"


def create_model(weights: str, device: str) -> MarkerModel:
    """Make the model that `marker_weights` names; for `SALI_WORKER__MODEL`."""
    width, height, step_file = weights.split(":", 2)
    return MarkerModel((float(width), float(height)), Path(step_file))


def marker_environment(
    size: tuple[int, int], block_px: int, step_time: StepTime, sessions: int = 1
) -> dict[str, str]:
    """Return the settings of a service with this model.

    Args:
        size: (width, height) of the pictures.
        block_px: Side of a block of their number.
        step_time: Of the model.
        sessions: That the service has room for.
    """
    return {
        # The model knows the number's place in the whole picture only.
        "SALI_REGION": "full",
        "SALI_WORKER__MODEL": f"{__name__}:create_model",
        "SALI_WORKER__WEIGHTS": marker_weights(size, block_px, step_time.file),
        "SALI_WORKER__MEASURE_S": "0.3",
        "SALI_SESSION__MAX_SESSIONS": str(sessions),
    }
