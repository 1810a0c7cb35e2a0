"""Topology `released`: memory first, then pyramid deformable alignment and non-local fusion."""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from sali_core.config import ModelConfig
from tests.bench.authors.memory import FrameMemory
from tests.bench.authors.parts import Decoder, Encoder, Maps, NormConv, up

GROUPS = 8


class ModulatedDeform(nn.Module):
    """DCNv2 in 8 groups; its offset convolution reads the offset features."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(c, c, 3, 3))
        self.bias = nn.Parameter(torch.empty(c))
        self.conv_offset = nn.Conv2d(c, GROUPS * 27, 3, padding=1)

    def forward(self, x: Tensor, offset_features: Tensor) -> Tensor:
        exact = self.weight.dtype
        raw = self.conv_offset(offset_features).to(exact)
        offsets, modulation = raw[:, : GROUPS * 18], torch.sigmoid(raw[:, GROUPS * 18 :])
        with torch.autocast(x.device.type, enabled=False):
            return torchvision.ops.deform_conv2d(
                x.to(exact), offsets, self.weight, self.bias, padding=1, mask=modulation
            )


class PyramidAlignment(nn.Module):
    """Aligns features to a reference, from stride 32 (l3) to stride 8 (l1)."""

    def __init__(self, c: int) -> None:
        super().__init__()
        wide = {"l1": 2 * c, "l2": 2 * c, "l3": c}
        self.offset_conv1 = nn.ModuleDict({k: _conv(2 * c, c) for k in wide})
        self.offset_conv2 = nn.ModuleDict({k: _conv(width, c) for k, width in wide.items()})
        self.offset_conv3 = nn.ModuleDict({k: _conv(c, c) for k in ("l1", "l2")})
        self.dcn_pack = nn.ModuleDict({k: ModulatedDeform(c) for k in wide})
        self.feat_conv = nn.ModuleDict({k: _conv(2 * c, c) for k in ("l1", "l2")})

    def forward(self, x: Maps, reference: Maps) -> Maps:
        offset3 = _leaky(self.offset_conv1["l3"](torch.cat((x[2], reference[2]), 1)))
        offset3 = _leaky(self.offset_conv2["l3"](offset3))
        feature3 = _leaky(self.dcn_pack["l3"](x[2], offset3))
        offset2, feature2 = self._finer("l2", x[1], reference[1], offset3, feature3)
        feature2 = _leaky(feature2)
        _, feature1 = self._finer("l1", x[0], reference[0], offset2, feature2)
        return [feature1, feature2, feature3]

    def _finer(
        self, level: str, x: Tensor, reference: Tensor, offset: Tensor, feature: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One level, given offset features and features of the coarser one."""
        size = x.shape[-2:]
        own = _leaky(self.offset_conv1[level](torch.cat((x, reference), 1)))
        own = _leaky(self.offset_conv2[level](torch.cat((own, up(offset, size) * 2), 1)))
        own = _leaky(self.offset_conv3[level](own))
        aligned = self.dcn_pack[level](x, own)
        return own, self.feat_conv[level](torch.cat((aligned, up(feature, size)), 1))


class NonLocal(nn.Module):
    """softmax(theta phi) g with pooled phi and g."""

    def __init__(self, c: int, pool: int) -> None:
        super().__init__()
        self.pool = pool
        self.g = nn.Sequential(nn.Conv2d(c, c // 2, 1))
        self.W = nn.Conv2d(c // 2, c, 1)
        self.residual_conv = nn.Conv2d(2 * c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        theta = x.flatten(2).transpose(1, 2)
        phi = F.max_pool2d(x, self.pool).flatten(2)
        g = F.max_pool2d(self.g(x), self.pool).flatten(2).transpose(1, 2)
        y = (torch.softmax(theta @ phi, dim=2) @ g).transpose(1, 2)
        z = self.W(y.reshape(1, -1, *x.shape[-2:])) + x
        return self.residual_conv(torch.cat((x, z), 1))


class Fusion(nn.Module):
    """Non-local block and 3x3 convolution of each scale."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(NonLocal(2 * c, pool) for pool in (2, 4, 8))
        self.convs = nn.ModuleList(NormConv(2 * c, c, (3, 3)) for _ in range(3))


class ReleasedForm(nn.Module):
    """One frame of a live stream: the neighbour is the predecessor."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c, scales = config.channels, range(3)
        self.encoder = Encoder(config)
        self.key = nn.ModuleList(nn.Conv2d(c, config.key_channels, 3, padding=1) for _ in scales)
        self.value = nn.ModuleList(
            nn.Conv2d(c, config.value_channels, 3, padding=1) for _ in scales
        )
        self.alignment = PyramidAlignment(c)
        self.fusion = Fusion(c)
        self.decoder = Decoder(c)

    def forward(self, image: Tensor, neighbour: Tensor, memory: FrameMemory) -> tuple[Tensor, ...]:
        """Normalised images to S_3 at stride 8; leaves keys and weighed values with it."""
        current, beside = self.encoder(image), self.encoder(neighbour)
        keys = [conv(x) for conv, x in zip(self.key, current, strict=True)]
        values = [conv(x) for conv, x in zip(self.value, current, strict=True)]
        remembered = self.alignment(memory.read(keys, values), current)
        aligned = self.alignment(beside, current)
        fused = []
        for scale in range(3):
            both = torch.cat((remembered[scale], aligned[scale]), 1)
            fused.append(self.fusion.convs[scale](self.fusion.blocks[scale](both)))
        scores = self.decoder(*fused)
        weighed = []
        for value, score in zip(values, scores, strict=True):
            attention = torch.softmax(score.flatten(2), dim=2).reshape(score.shape)
            weighed.append(value * (1 + attention))
        return scores[0], keys, weighed


def _conv(c_in: int, c_out: int) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, 3, padding=1)


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.1)
