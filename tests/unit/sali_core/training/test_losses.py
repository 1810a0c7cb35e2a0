from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from sali_core.training.losses import boundary_weight, deep_supervision_loss, structure_loss
from sali_core.types import DecoderOutput


def _disc() -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    return (((y - 30) ** 2 + (x - 25) ** 2) < 200).float()[None, None]


def test_boundary_weight_is_the_papers() -> None:
    mask = _disc()
    plain = 1 + 5 * (F.avg_pool2d(mask, 31, stride=1, padding=15) - mask).abs()
    torch.testing.assert_close(boundary_weight(mask), plain)


def test_structure_loss_is_the_formula_written_out() -> None:
    mask = _disc()
    logits = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    w = boundary_weight(mask)
    p = torch.sigmoid(logits)
    entropy = -(mask * p.log() + (1 - mask) * (1 - p).log())
    wbce = (w * entropy).sum() / w.sum()
    inter, union = (w * p * mask).sum(), (w * (p + mask)).sum()
    wiou = 1 - (inter + 1) / (union - inter + 1)
    expected = float(wbce + wiou)
    assert float(structure_loss(logits, mask, w)) == pytest.approx(expected, rel=1e-4)


def test_a_better_prediction_costs_less() -> None:
    mask = _disc()
    right = DecoderOutput(*[(mask * 2 - 1) * 6] * 4)
    half = DecoderOutput(*[(mask * 2 - 1) * 0.5] * 4)
    wrong = DecoderOutput(*[(mask * 2 - 1) * -6] * 4)
    losses = [float(deep_supervision_loss(out, mask)) for out in (right, half, wrong)]
    assert losses[0] < 0.1 < losses[1] < losses[2]
