from __future__ import annotations

import torch
from torch import nn

from sali_core.training.cpu_bfloat16 import keep_strided_depthwise_float32


def _layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.Conv2d(8, 8, 3, groups=8),
        nn.Conv2d(8, 8, 3, stride=2, groups=8),
    )


def test_strided_depthwise_convolutions_compute_in_float32_under_autocast() -> None:
    plain, kept = _layers(), _layers()
    assert keep_strided_depthwise_float32(kept) == 1
    x = torch.randn(1, 3, 17, 17)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        inside = plain[:2](x)
        expected = nn.functional.conv2d(
            inside.float(), plain[2].weight.float(), plain[2].bias, 2, groups=8
        )
        assert expected.dtype == torch.bfloat16  # autocast took this one back
        out = kept(x)
    exact = nn.functional.conv2d(inside.float(), plain[2].weight, plain[2].bias, 2, groups=8)
    assert out.dtype == torch.bfloat16
    assert torch.equal(out, exact.to(torch.bfloat16))


def test_parameters_keep_their_names_and_learn() -> None:
    kept = _layers()
    names = [name for name, _ in kept.named_parameters()]
    keep_strided_depthwise_float32(kept)
    assert [name for name, _ in kept.named_parameters()] == names
    with torch.autocast("cpu", torch.bfloat16):
        loss = kept(torch.randn(1, 3, 17, 17)).float().square().mean()
    loss.backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in kept.parameters())
