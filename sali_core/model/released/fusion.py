"""Fusion of aligned memory and aligned neighbour: a non-local block with pooled keys per scale."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sali_core.model.rfb import ConvNorm
from sali_core.types import FeaturePyramid

POOLS = (2, 4, 8)


class NonLocalBlock(nn.Module):
    """theta = X, phi = MaxPool(X), g = MaxPool(Conv(X)); softmax(theta phi) g, to X's width."""

    def __init__(self, channels: int, pool: int) -> None:
        super().__init__()
        self.pool = pool
        self.g = nn.Sequential(nn.Conv2d(channels, channels // 2, 1))
        self.W = nn.Conv2d(channels // 2, channels, 1)
        self.residual_conv = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, C, h, w] to the same shape."""
        theta = x.flatten(2).transpose(1, 2)
        phi = F.max_pool2d(x, self.pool).flatten(2)
        g = F.max_pool2d(self.g(x), self.pool).flatten(2).transpose(1, 2)
        y = (torch.softmax(theta @ phi, dim=-1) @ g).transpose(1, 2)
        z = self.W(y.reshape(x.shape[0], -1, *x.shape[2:])) + x
        out: Tensor = self.residual_conv(torch.cat((x, z), 1))
        return out


class Fusion(nn.Module):
    """One non-local block and one 3x3 convolution with batch norm per scale."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(NonLocalBlock(2 * channels, pool) for pool in POOLS)
        self.convs = nn.ModuleList(ConvNorm(2 * channels, channels, 3) for _ in POOLS)

    def forward(self, memory: FeaturePyramid, neighbour: FeaturePyramid) -> FeaturePyramid:
        """Fuse two aligned pyramids [B, C, h, w] into one."""
        fused = [
            conv(block(torch.cat((m, n), 1)))
            for conv, block, m, n in zip(self.convs, self.blocks, memory, neighbour, strict=True)
        ]
        return cast(FeaturePyramid, tuple(fused))
