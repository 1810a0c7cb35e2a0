from __future__ import annotations

import numpy as np
import pytest

from sali_core.errors import EngineError
from sali_core.types import StepResult
from tests.bench.comparison import Agreement


def _result(logits: list[float]) -> StepResult:
    values = np.array([logits], np.float32)
    return StepResult(values, 1 / (1 + np.exp(-values)), values >= 0)


def test_agreement_keeps_the_worst_difference_and_the_dice_of_all_pixels() -> None:
    agreement = Agreement()
    truth = np.array([[2.0, 2.0, -2.0, -2.0]], np.float32)
    agreement.add(_result([2.0, 2.0, -2.0, -2.0]), truth, truth >= 0)
    agreement.add(_result([2.5, -1.0, -2.0, -2.0]), truth, truth >= 0)
    assert agreement.frames == 2
    assert agreement.max_difference == pytest.approx(3.0)
    assert agreement.share_close == pytest.approx(6 / 8)
    assert agreement.least_dice == pytest.approx(2 / 3)
    assert agreement.dice == pytest.approx(2 * 3 / 7)
    assert agreement.mask_share == pytest.approx(0.5)
    assert agreement.logits_std == pytest.approx(2.0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_no_agreement(value: float) -> None:
    fine, broken = np.zeros((1, 2), np.float32), [0.0, value]
    with pytest.raises(EngineError, match=r"frame 0: logits \(ours\) are not finite"):
        Agreement().add(_result(broken), fine, fine >= 0)
    with pytest.raises(EngineError, match=r"frame 0: logits \(the authors'\) are not finite"):
        Agreement().add(_result([0.0, 0.0]), np.array([broken], np.float32), fine >= 0)


def test_frames_without_a_polyp_in_both_agree() -> None:
    agreement = Agreement()
    truth = np.full((1, 4), -2.0, np.float32)
    agreement.add(_result([-2.0] * 4), truth, truth >= 0)
    assert agreement.dice == agreement.least_dice == 1.0
    assert "_sums" not in agreement.to_dict()
