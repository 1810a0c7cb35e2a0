"""Receptive-field block: reduces one backbone scale to the network's channels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvNorm(nn.Module):
    """Convolution and batch norm, no activation, size kept (stride 1)."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int | tuple[int, int], dilation: int = 1
    ) -> None:
        super().__init__()
        kh, kw = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (dilation * (kh // 2), dilation * (kw // 2))
        self.conv = nn.Conv2d(c_in, c_out, (kh, kw), padding=padding, dilation=dilation, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, c_in, h, w] to [B, c_out, h, w]."""
        out: Tensor = self.bn(self.conv(x))
        return out


class ReceptiveFieldBlock(nn.Module):
    """Four branches of growing reach, concatenated, plus a shortcut (network.md, Encoder).

    1x1 / 1x3-3x1-3x3 dilation 3 / 1x5-5x1-3x3 dilation 5 / 1x7-7x1-3x3 dilation 7, then 3x3;
    ReLU after the sum, none inside the branches.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.branch0 = nn.Sequential(ConvNorm(c_in, c_out, 1))
        self.branch1 = _branch(c_in, c_out, 3)
        self.branch2 = _branch(c_in, c_out, 5)
        self.branch3 = _branch(c_in, c_out, 7)
        self.conv_cat = ConvNorm(4 * c_out, c_out, 3)
        self.conv_res = ConvNorm(c_in, c_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, c_in, h, w] to [B, c_out, h, w]."""
        branches = [self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)]
        return F.relu(self.conv_cat(torch.cat(branches, 1)) + self.conv_res(x))


def _branch(c_in: int, c_out: int, reach: int) -> nn.Sequential:
    return nn.Sequential(
        ConvNorm(c_in, c_out, 1),
        ConvNorm(c_out, c_out, (1, reach)),
        ConvNorm(c_out, c_out, (reach, 1)),
        ConvNorm(c_out, c_out, 3, dilation=reach),
    )
