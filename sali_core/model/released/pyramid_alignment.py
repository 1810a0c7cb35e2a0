"""Pyramid deformable alignment: aligns one feature pyramid to another, from coarse to fine."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from sali_core.model.decoder import resize
from sali_core.types import FeaturePyramid

GROUPS = 8
_SLOPE = 0.1


class ModulatedDeformConv(nn.Module):
    """Deformable 3x3 convolution with modulation (DCNv2), 8 offset groups, always float32.

    The offset convolution gives 216 channels: the first two thirds are the offsets in torchvision's
    order, the sigmoid of the last third the modulation.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.conv_offset = nn.Conv2d(channels, GROUPS * 27, 3, padding=1)
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        nn.init.zeros_(self.conv_offset.weight)
        if self.conv_offset.bias is not None:
            nn.init.zeros_(self.conv_offset.bias)

    def forward(self, x: Tensor, offset_features: Tensor) -> Tensor:
        """Sample `x` [B, C, h, w] where `offset_features`, of the same shape, say."""
        raw = self.conv_offset(offset_features)
        offsets, modulation = torch.split(raw, [GROUPS * 18, GROUPS * 9], dim=1)
        with torch.autocast(x.device.type, enabled=False):
            out: Tensor = torchvision.ops.deform_conv2d(
                x.float(),
                offsets.float(),
                self.weight.float(),
                self.bias.float(),
                padding=1,
                mask=torch.sigmoid(modulation.float()),
            )
        return out


class PyramidAlignment(nn.Module):
    """Aligns features to a reference at strides 8 (l1), 16 (l2) and 32 (l3).

    Offsets and features of the coarser level are upsampled by 2 (bilinear), offsets doubled.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        c = channels
        levels = ("l1", "l2", "l3")
        self.offset_conv1 = nn.ModuleDict({level: _conv(2 * c, c) for level in levels})
        self.offset_conv2 = nn.ModuleDict(
            {"l1": _conv(2 * c, c), "l2": _conv(2 * c, c), "l3": _conv(c, c)}
        )
        self.offset_conv3 = nn.ModuleDict({"l1": _conv(c, c), "l2": _conv(c, c)})
        self.dcn_pack = nn.ModuleDict({level: ModulatedDeformConv(c) for level in levels})
        self.feat_conv = nn.ModuleDict({"l1": _conv(2 * c, c), "l2": _conv(2 * c, c)})

    def forward(self, features: FeaturePyramid, reference: FeaturePyramid) -> FeaturePyramid:
        """Return `features` aligned to `reference`; all maps [B, C, h, w]."""
        coarser: tuple[Tensor, Tensor] | None = None
        aligned: list[Tensor] = []
        for index in (2, 1, 0):
            level = f"l{index + 1}"
            pair = torch.cat((features[index], reference[index]), 1)
            offset = _leaky(self.offset_conv1[level](pair))
            if coarser is None:
                offset = _leaky(self.offset_conv2[level](offset))
                feature = self.dcn_pack[level](features[index], offset)
            else:
                size = features[index].shape[-2:]
                up_offset, up_feature = resize(coarser[0], size) * 2, resize(coarser[1], size)
                offset = _leaky(self.offset_conv2[level](torch.cat((offset, up_offset), 1)))
                offset = _leaky(self.offset_conv3[level](offset))
                feature = self.dcn_pack[level](features[index], offset)
                feature = self.feat_conv[level](torch.cat((feature, up_feature), 1))
            if index > 0:
                feature = _leaky(feature)
            coarser = (offset, feature)
            aligned.insert(0, feature)
        return cast(FeaturePyramid, tuple(aligned))


def _conv(c_in: int, c_out: int) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, 3, padding=1)


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, _SLOPE)
