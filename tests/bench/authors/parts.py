"""What both topologies share: encoder and decoder (docs/network.md)."""

from __future__ import annotations

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sali_core.config import ModelConfig

Maps = list[Tensor]
"""One map [1, C, h, w] per stride, 8 first."""


class NormConv(nn.Module):
    """Convolution without bias, then batch norm; the size stays."""

    def __init__(self, c_in: int, c_out: int, kernel: tuple[int, int], dilation: int = 1) -> None:
        super().__init__()
        padding = (dilation * (kernel[0] // 2), dilation * (kernel[1] // 2))
        self.conv = nn.Conv2d(c_in, c_out, kernel, padding=padding, dilation=dilation, bias=False)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class Rfb(nn.Module):
    """Receptive-field block."""

    def __init__(self, c_in: int, c: int) -> None:
        super().__init__()
        self.branch0 = nn.Sequential(NormConv(c_in, c, (1, 1)))
        for number, reach in ((1, 3), (2, 5), (3, 7)):
            branch = nn.Sequential(
                NormConv(c_in, c, (1, 1)),
                NormConv(c, c, (1, reach)),
                NormConv(c, c, (reach, 1)),
                NormConv(c, c, (3, 3), dilation=reach),
            )
            setattr(self, f"branch{number}", branch)
        self.conv_cat = NormConv(4 * c, c, (3, 3))
        self.conv_res = NormConv(c_in, c, (1, 1))

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x))
        return torch.relu(self.conv_cat(torch.cat(branches, 1)) + self.conv_res(x))


class Backbone(nn.Module):
    """timm's pyramid, its attention written out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.net = timm.create_model(
            config.backbone,
            pretrained=False,
            features_only=True,
            **dict(config.backbone_options),
        )
        for module in self.net.modules():
            if hasattr(module, "fused_attn"):
                module.fused_attn = False
        # Of several levels with one stride the deepest.
        by_stride = {stride: k for k, stride in enumerate(self.net.feature_info.reduction())}
        self.levels = [by_stride[stride] for stride in (8, 16, 32)]
        self.channels = [self.net.feature_info.channels()[level] for level in self.levels]

    def forward(self, image: Tensor) -> Maps:
        features = self.net(image)
        return [features[level] for level in self.levels]


class Encoder(nn.Module):
    """Normalised image [1, 3, H, W] to f_t."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.backbone = Backbone(config)
        self.rfb = nn.ModuleList(Rfb(c_in, config.channels) for c_in in self.backbone.channels)

    def forward(self, image: Tensor) -> Maps:
        return [rfb(x) for rfb, x in zip(self.rfb, self.backbone(image), strict=True)]


class PartialDecoder(nn.Module):
    """Three maps to S_g."""

    def __init__(self, c: int) -> None:
        super().__init__()
        for number in (1, 2, 3, 4):
            setattr(self, f"conv_upsample{number}", NormConv(c, c, (3, 3)))
        self.conv_upsample5 = NormConv(2 * c, 2 * c, (3, 3))
        self.conv_concat2 = NormConv(2 * c, 2 * c, (3, 3))
        self.conv_concat3 = NormConv(3 * c, 3 * c, (3, 3))
        self.conv4 = NormConv(3 * c, 3 * c, (3, 3))
        self.conv5 = nn.Conv2d(3 * c, 1, 1)

    def forward(self, x8: Tensor, x16: Tensor, x32: Tensor) -> Tensor:
        x16_1 = self.conv_upsample1(_up_aligned(x32, x16)) * x16
        x8_1 = (
            self.conv_upsample2(_up_aligned(x16_1, x8))
            * self.conv_upsample3(_up_aligned(x16, x8))
            * x8
        )
        x16_2 = torch.cat((x16_1, self.conv_upsample4(_up_aligned(x32, x16))), 1)
        x16_2 = self.conv_concat2(x16_2)
        x8_2 = torch.cat((x8_1, self.conv_upsample5(_up_aligned(x16_2, x8))), 1)
        return self.conv5(self.conv4(self.conv_concat3(x8_2)))


class GroupBlock(nn.Module):
    """The guidance r goes behind every group of channels."""

    def __init__(self, c: int, group: int) -> None:
        super().__init__()
        self.group = group
        self.conv = nn.Sequential(nn.Conv2d(c + c // group, c, 3, padding=1), nn.ReLU())
        self.score = nn.Conv2d(c, 1, 3, padding=1)

    def forward(self, x: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
        parts = []
        for start in range(0, x.shape[1], self.group):
            parts += [x[:, start : start + self.group], r]
        x = x + self.conv(torch.cat(parts, 1))
        return x, r + self.score(x)


class ReverseAttention(nn.Module):
    """Three group blocks over r = 1 - sigmoid(g); the update is added to g."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.weak_gra = GroupBlock(c, 32)
        self.medium_gra = GroupBlock(c, 8)
        self.strong_gra = GroupBlock(c, 1)

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        r = 1 - torch.sigmoid(g)
        for block in (self.weak_gra, self.medium_gra, self.strong_gra):
            x, r = block(x, r)
        return r + g


class Decoder(nn.Module):
    """Three maps to logits S_3, S_4, S_5, each at its own scale."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.partial = PartialDecoder(c)
        self.reverse5 = ReverseAttention(c)
        self.reverse4 = ReverseAttention(c)
        self.reverse3 = ReverseAttention(c)

    def forward(self, x8: Tensor, x16: Tensor, x32: Tensor) -> Maps:
        sg = self.partial(x8, x16, x32)
        s5 = self.reverse5(x32, up(sg, x32.shape[-2:]))
        s4 = self.reverse4(x16, up(s5, x16.shape[-2:]))
        s3 = self.reverse3(x8, up(s4, x8.shape[-2:]))
        return [s3, s4, s5]


def up(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear, corners not aligned."""
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


def _up_aligned(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=True)
