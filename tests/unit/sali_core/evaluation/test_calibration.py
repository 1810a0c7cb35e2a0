from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from sali_core.config import ModelConfig, get_profile
from sali_core.data.pictures import Picture
from sali_core.errors import DatasetError
from sali_core.evaluation.calibration import Candidate, calibrate, choose
from sali_core.stream.masking import MaskRule
from sali_core.types import StepOutput

SIZE = 64


class Redness:
    """Gives as probability how red a pixel is."""

    config: ModelConfig = replace(get_profile("small"), input_size=SIZE)

    def __call__(self, rgb: Tensor, previous: object, tokens: object) -> StepOutput:
        probability = (rgb[:, :1].float() / 255).clamp(1e-3, 1 - 1e-3)
        empty = tuple(torch.zeros(1, 1, 1, 1) for _ in range(3))
        return StepOutput(torch.logit(probability), empty, None)  # type: ignore[arg-type]


class Pictures:
    """A polyp of one red on a ground of another."""

    def __init__(self, polyp: float, ground: float, count: int = 4) -> None:
        self._levels = (polyp, ground)
        self._count = count

    def __len__(self) -> int:
        return self._count

    def load(self, index: int) -> Picture:
        polyp, ground = self._levels
        image = np.zeros((SIZE, SIZE, 3), np.uint8)
        image[..., 0] = round(255 * ground)
        mask = np.zeros((SIZE, SIZE), np.bool_)
        mask[8:24, 8:24] = True
        image[mask, 0] = round(255 * polyp)
        return image, mask


def _silent(_part: str, _done: int, _total: int) -> None:
    pass


def test_the_outline_gets_the_threshold_of_the_best_dice() -> None:
    found = calibrate(Redness(), Pictures(polyp=0.8, ground=0.32), _silent)
    assert 0.3 < found.chosen.rule.threshold <= 0.8
    assert found.chosen.dice == 1.0
    assert found.stills == 4


def test_a_peak_is_chosen_where_it_saves_alarms_and_not_where_it_costs_polyps() -> None:
    def candidate(peak: float | None, dice: float, alarms: float) -> Candidate:
        return Candidate(MaskRule(0.5, peak), dice, alarms)

    plain, good, better, costly = (
        candidate(None, 0.90, 0.2),
        candidate(0.8, 0.899, 0.1),
        candidate(0.9, 0.897, 0.05),
        candidate(0.99, 0.80, 0.0),
    )
    everything = (plain, good, better, costly)
    assert choose(everything, 0.005) == better
    assert choose(everything, 0.0) == plain
    assert choose(everything, 0.2) == costly


def test_of_equals_the_lowest_peak_is_taken() -> None:
    equal = [Candidate(MaskRule(0.5, peak), 0.9, 0.1) for peak in (None, 0.8, 0.9)]
    assert choose(equal, 0.005).rule.peak_threshold is None


def test_faint_ground_raises_alarms_that_a_peak_removes() -> None:
    class Faint(Redness):
        def __call__(self, rgb: Tensor, previous: object, tokens: object) -> StepOutput:
            logits = super().__call__(rgb, previous, tokens)[0]
            logits[..., -6:, -6:] = 1.0  # a faint false region in every picture
            return StepOutput(logits, (logits,) * 3, None)

    found = calibrate(Faint(), Pictures(polyp=0.95, ground=0.05), _silent, tolerance=0.2)
    assert found.crop_frames > 0
    assert found.candidates[0].rule.peak_threshold is None
    with_peak = [c for c in found.candidates if (c.rule.peak_threshold or 0) >= 0.8]
    assert with_peak
    assert all(c.alarms == 0 for c in with_peak)


def test_no_pictures_no_choice() -> None:
    with pytest.raises(DatasetError, match="no pictures"):
        calibrate(Redness(), Pictures(0.8, 0.3, count=0), _silent)
