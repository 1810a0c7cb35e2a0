"""An engine that draws the number it reads in the picture, so that a test can see whose mask it is.

The picture carries a frame code (`sali_core.data.phantom.frame_code`). The mask is one square whose
place tells that number modulo 64. A picture without a readable code gives an empty mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sali_core.data.phantom.frame_code import read_frame_code

SIZE = 352
PLACES = 64
_FIRST_PX, _STEP_PX, _SQUARE_PX = 24, 36, 24


def place_of(number: int) -> tuple[float, float]:
    """Return the centre (x, y) of the square for a number, as a share of the picture."""
    row, column = divmod(number % PLACES, 8)
    centre = _FIRST_PX + _SQUARE_PX / 2
    return (centre + column * _STEP_PX) / SIZE, (centre + row * _STEP_PX) / SIZE


@dataclass(frozen=True)
class MarkerInfo:
    name: str = "marker"
    profile: str = "marker"
    device: str = "cpu"
    engine: str = "marker"
    threshold: float = 0.5
    input_size: tuple[int, int] = (SIZE, SIZE)


@dataclass(frozen=True)
class MarkerOutput:
    mask: np.ndarray
    probability: np.ndarray


class MarkerEngine:
    info = MarkerInfo()

    def initial_state(self) -> None:
        return None

    def step_many(self, states: list[None], frames: list[np.ndarray]) -> list[MarkerOutput]:
        return [_mark(frame) for frame in frames]


def create_engine(weights: str, device: str) -> MarkerEngine:
    return MarkerEngine()


def read_model_code(frame: np.ndarray) -> int | None:
    """Read the number in a picture of the model's size: 256 x 32 of 640 x 480 pixels, shrunk."""
    width, height = 256 * SIZE / 640, 32 * SIZE / 480
    return read_frame_code(frame, (0.0, SIZE - height, width, height))


def _mark(frame: np.ndarray) -> MarkerOutput:
    number = read_model_code(frame)
    mask = np.zeros((SIZE, SIZE), bool)
    if number is not None:
        row, column = divmod(number % PLACES, 8)
        y, x = _FIRST_PX + row * _STEP_PX, _FIRST_PX + column * _STEP_PX
        mask[y : y + _SQUARE_PX, x : x + _SQUARE_PX] = True
    return MarkerOutput(mask, mask.astype(np.float32))
