"""An engine whose mask spells the whole 16-bit number that it reads in the picture.

Where the marker engine tells a number modulo 64 by one square, this one takes four, so that no
mask of another frame can pass for the right one. Square c stands in the c-th quarter of the
picture's width; its height above the others tells the c-th hexadecimal digit, most significant
first. The viewer's reader of it is `frame_probe.js`.
"""

from __future__ import annotations

import numpy as np

from server.bench.marker_model import SIZE, MarkerInfo, MarkerOutput, output_of
from tests.fakes import marker_engine

DIGITS = 4
_FIRST_PX, _STEP_PX, _SQUARE_PX = 12, 18, 24
_COLUMN_PX = SIZE // DIGITS


class SpellingEngine:
    info = MarkerInfo(name="spelling", profile="spelling", engine="spelling")

    def __init__(self) -> None:
        self._reader = marker_engine.create_engine()

    def initial_state(self) -> None:
        return None

    def step_many(self, states: list[None], frames: list[np.ndarray]) -> list[MarkerOutput]:
        return [_spell(self._reader.read_number(frame)) for frame in frames]


def create_engine(weights: str, device: str) -> SpellingEngine:
    return SpellingEngine()


def _spell(number: int | None) -> MarkerOutput:
    mask = np.zeros((SIZE, SIZE), bool)
    for column in range(DIGITS if number is not None else 0):
        digit = (number or 0) >> 4 * (DIGITS - 1 - column) & 0xF
        y = _FIRST_PX + digit * _STEP_PX
        x = column * _COLUMN_PX + (_COLUMN_PX - _SQUARE_PX) // 2
        mask[y : y + _SQUARE_PX, x : x + _SQUARE_PX] = True
    return output_of(mask)
