"""Decoder: partial decoder for a global map, then reverse attention from coarse to fine."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sali_core.model.rfb import ConvNorm
from sali_core.types import DecoderOutput, FeaturePyramid


class PartialDecoder(nn.Module):
    """Products of upsampled coarse maps with finer ones, concatenated, reduced to one map S_g."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        c = channels
        self.conv_upsample1 = ConvNorm(c, c, 3)
        self.conv_upsample2 = ConvNorm(c, c, 3)
        self.conv_upsample3 = ConvNorm(c, c, 3)
        self.conv_upsample4 = ConvNorm(c, c, 3)
        self.conv_upsample5 = ConvNorm(2 * c, 2 * c, 3)
        self.conv_concat2 = ConvNorm(2 * c, 2 * c, 3)
        self.conv_concat3 = ConvNorm(3 * c, 3 * c, 3)
        self.conv4 = ConvNorm(3 * c, 3 * c, 3)
        self.conv5 = nn.Conv2d(3 * c, 1, 1)

    def forward(self, maps: FeaturePyramid) -> Tensor:
        """Return S_g, [B, 1, h, w] at the finest scale."""
        fine, middle, coarse = maps
        coarse_up = _resize_aligned(coarse, middle)
        middle_1 = self.conv_upsample1(coarse_up) * middle
        fine_1 = (
            self.conv_upsample2(_resize_aligned(middle_1, fine))
            * self.conv_upsample3(_resize_aligned(middle, fine))
            * fine
        )
        middle_2 = self.conv_concat2(torch.cat((middle_1, self.conv_upsample4(coarse_up)), 1))
        middle_2_up = self.conv_upsample5(_resize_aligned(middle_2, fine))
        fine_2 = self.conv_concat3(torch.cat((fine_1, middle_2_up), 1))
        score: Tensor = self.conv5(self.conv4(fine_2))
        return score


class GroupBlock(nn.Module):
    """One group block: the guidance r is interleaved after each group of channels."""

    def __init__(self, channels: int, group_channels: int) -> None:
        super().__init__()
        self.groups = channels // group_channels
        self.conv = nn.Sequential(
            nn.Conv2d(channels + self.groups, channels, 3, padding=1), nn.ReLU()
        )
        self.score = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, x: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
        """Return the refined features [B, C, h, w] and guidance [B, 1, h, w]."""
        interleaved = [part for group in x.chunk(self.groups, 1) for part in (group, r)]
        x = x + self.conv(torch.cat(interleaved, 1))
        return x, r + self.score(x)


class ReverseAttention(nn.Module):
    """Refines one scale's guidance g: r = 1 - sigmoid(g), three group blocks, added to g."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weak_gra = GroupBlock(channels, channels)
        self.medium_gra = GroupBlock(channels, max(channels // 4, 1))
        self.strong_gra = GroupBlock(channels, 1)

    def forward(self, x: Tensor, guidance: Tensor) -> Tensor:
        """Return the refined logits, [B, 1, h, w]."""
        r = 1 - torch.sigmoid(guidance)
        x, r = self.weak_gra(x, r)
        x, r = self.medium_gra(x, r)
        _, r = self.strong_gra(x, r)
        refined: Tensor = r + guidance
        return refined


class Decoder(nn.Module):
    """Both topologies' decoder (network.md, Decoder)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.partial = PartialDecoder(channels)
        self.reverse5 = ReverseAttention(channels)
        self.reverse4 = ReverseAttention(channels)
        self.reverse3 = ReverseAttention(channels)

    def forward(self, maps: FeaturePyramid, size: tuple[int, int]) -> DecoderOutput:
        """Decode maps at strides 8, 16, 32 into logits of `size`, the input's height and width."""
        s3, s4, s5, sg = self.scores(maps)
        return DecoderOutput(*(resize(x, size) for x in (s3, s4, s5, sg)))

    def mask_logits(self, maps: FeaturePyramid, size: tuple[int, int]) -> Tensor:
        """Return S_3 alone at the input's `size`, all that a stream needs."""
        return resize(self.scores(maps).s3, size)

    def scores(self, maps: FeaturePyramid) -> DecoderOutput:
        """Decode into logits at each output's own scale: S_3 and S_g at stride 8, S_4, S_5."""
        fine, middle, coarse = maps
        sg = self.partial(maps)
        s5 = self.reverse5(coarse, resize(sg, coarse.shape[-2:]))
        s4 = self.reverse4(middle, resize(s5, middle.shape[-2:]))
        s3 = self.reverse3(fine, resize(s4, fine.shape[-2:]))
        return DecoderOutput(s3, s4, s5, sg)


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Stretch maps [B, C, h, w] to `size`, bilinear, corners not aligned."""
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


def _resize_aligned(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=True)
