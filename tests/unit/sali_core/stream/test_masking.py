from __future__ import annotations

import numpy as np
import pytest
import torch

from sali_core.errors import ConfigError
from sali_core.stream.masking import MaskRule, keep_regions


def _two_regions() -> torch.Tensor:
    probability = torch.zeros(12, 12)
    probability[1:5, 1:5] = 0.6
    probability[2, 2] = 0.95
    probability[7:11, 7:11] = 0.7
    return probability


def test_without_a_peak_every_region_is_shown() -> None:
    probability = _two_regions()
    assert torch.equal(MaskRule(0.5).apply(probability), probability >= 0.5)


def test_a_region_without_a_sure_pixel_is_left_out_and_the_other_keeps_its_outline() -> None:
    mask = MaskRule(0.5, 0.9).apply(_two_regions())
    assert mask[1:5, 1:5].all()
    assert int(mask.sum()) == 16


def test_no_sure_pixel_no_mask() -> None:
    assert not MaskRule(0.5, 0.99).apply(_two_regions()).any()


def test_a_region_once_sure_stays_while_it_overlaps_the_mask_before() -> None:
    rule = MaskRule(0.5, 0.9)
    first = rule.apply(_two_regions())
    faint = torch.zeros(12, 12)
    faint[3:7, 3:6] = 0.6  # moved on, and no longer sure
    faint[8:10, 8:10] = 0.7
    second = rule.apply(faint, first)
    assert second[3:7, 3:6].all()
    assert int(second.sum()) == 12
    assert not rule.apply(faint).any()


def test_a_region_that_left_or_fell_below_the_outline_does_not_stay() -> None:
    rule = MaskRule(0.5, 0.9)
    first = rule.apply(_two_regions())
    gone = torch.full((12, 12), 0.49)
    gone[7:11, 1:5] = 0.6
    mask = rule.apply(gone, first)
    assert not mask.any()
    assert not rule.apply(_two_regions() * 0.9, mask).any()


def test_a_value_at_a_threshold_counts() -> None:
    probability = torch.full((3, 3), 0.75)
    assert MaskRule(0.75, 0.75).apply(probability).all()


def test_diagonal_neighbours_are_one_region() -> None:
    mask = np.eye(3, dtype=np.bool_)
    sure = np.zeros((3, 3), np.bool_)
    sure[0, 0] = True
    assert np.array_equal(keep_regions(mask, sure), mask)


@pytest.mark.parametrize(
    ("threshold", "peak"), [(0.0, None), (1.0, None), (0.5, 0.4), (0.5, 1.0), (float("nan"), None)]
)
def test_impossible_thresholds_are_refused(threshold: float, peak: float | None) -> None:
    with pytest.raises(ConfigError, match="threshold must be"):
        MaskRule(threshold, peak)
