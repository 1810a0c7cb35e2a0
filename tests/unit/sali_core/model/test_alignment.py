from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor

from sali_core.model.alignment import ShortTermAlignment, deform_conv3x3


@pytest.mark.parametrize("size", [(11, 11), (22, 44), (7, 5), (1, 1)])
@pytest.mark.parametrize("reach", [0.0, 0.7, 6.0])
def test_deform_conv_equals_torchvision(size: tuple[int, int], reach: float) -> None:
    torch.manual_seed(1)
    x = torch.randn(2, 8, *size)
    offsets = torch.randn(2, 18, *size) * reach
    weight, bias = torch.randn(6, 8, 3, 3), torch.randn(6)
    expected = torchvision.ops.deform_conv2d(x, offsets, weight, bias, padding=1)
    torch.testing.assert_close(
        deform_conv3x3(x, offsets, weight, bias), expected, atol=2e-4, rtol=1e-4
    )


def test_deform_conv_stays_float32_under_autocast() -> None:
    x, offsets = torch.randn(1, 4, 6, 6), torch.randn(1, 18, 6, 6)
    weight, bias = torch.randn(4, 4, 3, 3), torch.randn(4)
    exact = deform_conv3x3(x, offsets, weight, bias)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(deform_conv3x3(x, offsets, weight, bias), exact)


def _by_the_equations(sam: ShortTermAlignment, f_t: Tensor, f_p: Tensor) -> Tensor:
    """Equations 1 and 2 written out for one picture in float64."""
    offsets = sam.offset(torch.cat((f_t, f_p), 1))
    aligned = torchvision.ops.deform_conv2d(
        f_p, offsets, sam.deform_weight, sam.deform_bias, padding=1
    )
    x = torch.cat((f_t, aligned), 1)
    pooled = torch.nn.functional.max_pool2d(x, sam.pool, ceil_mode=True)
    value = sam.value(pooled)
    h, w = f_t.shape[2:]
    out = torch.zeros_like(f_t)
    for row in range(h):
        for col in range(w):
            scores = (x[0, :, row, col, None, None] * pooled[0]).sum(0).flatten()
            weights = torch.exp(scores - scores.max())
            weights = weights / weights.sum()
            out[0, :, row, col] = value[0].flatten(1) @ weights
    return sam.out(out)


@pytest.mark.parametrize("size", [(11, 11), (8, 12)])
def test_alignment_equals_the_equations_written_out(size: tuple[int, int]) -> None:
    torch.manual_seed(2)
    sam = ShortTermAlignment(8, pool=4).double()
    torch.nn.init.normal_(sam.offset.weight, std=0.3)
    f_t, f_p = torch.randn(1, 8, *size).double(), torch.randn(1, 8, *size).double()
    # Sampling runs in float32 on purpose, hence the tolerance.
    torch.testing.assert_close(
        sam(f_t, f_p), _by_the_equations(sam, f_t, f_p), atol=1e-4, rtol=1e-4
    )
