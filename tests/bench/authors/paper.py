"""Topology `paper`: short-term alignment, then the projections of the long-term module."""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from sali_core.config import ModelConfig
from tests.bench.authors.memory import FrameMemory
from tests.bench.authors.parts import Decoder, Encoder, Maps


class Sam(nn.Module):
    """Short-term alignment of one scale (Eq. 1 and 2)."""

    def __init__(self, c: int, pool: int) -> None:
        super().__init__()
        self.pool = pool
        self.value = nn.Conv2d(2 * c, c, 1)
        self.out = nn.Conv2d(c, c, 3, padding=1)
        self.offset = nn.Conv2d(2 * c, 18, 1)
        self.deform_weight = nn.Parameter(torch.empty(c, c, 3, 3))
        self.deform_bias = nn.Parameter(torch.empty(c))

    def forward(self, current: Tensor, previous: Tensor) -> Tensor:
        offsets = self.offset(torch.cat((current, previous), 1))
        exact = self.deform_weight.dtype
        with torch.autocast(current.device.type, enabled=False):
            aligned = torchvision.ops.deform_conv2d(
                previous.to(exact),
                offsets.to(exact),
                self.deform_weight,
                self.deform_bias,
                padding=1,
            )
        x = torch.cat((current, aligned.to(current.dtype)), 1)
        pooled = F.max_pool2d(x, self.pool, ceil_mode=True)
        query = x.flatten(2).transpose(1, 2)
        key = pooled.flatten(2)
        value = self.value(pooled).flatten(2).transpose(1, 2)
        short = torch.softmax(query @ key, dim=2) @ value
        return self.out(short.transpose(1, 2).reshape(current.shape))


class Relation(nn.Module):
    """Alignment and the projections K_Q, V_Q of each scale."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c, scales = config.channels, range(3)
        self.sam = nn.ModuleList(Sam(c, config.pool) for _ in scales)
        self.key = nn.ModuleList(nn.Conv2d(c, config.key_channels, 3, padding=1) for _ in scales)
        self.value = nn.ModuleList(
            nn.Conv2d(c, config.value_channels, 3, padding=1) for _ in scales
        )


class PaperForm(nn.Module):
    """One frame of a stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.encoder = Encoder(config)
        self.relation = Relation(config)
        self.decoder = Decoder(config.channels)

    def forward(self, image: Tensor, neighbour: Tensor, memory: FrameMemory) -> tuple[Tensor, ...]:
        """Normalised images to S_3 at stride 8; leaves keys and values of each scale with it."""
        current, previous = self.encoder(image), self.encoder(neighbour)
        keys: Maps = []
        values: Maps = []
        for scale in range(3):
            short = self.relation.sam[scale](current[scale], previous[scale])
            keys.append(self.relation.key[scale](short))
            values.append(self.relation.value[scale](short))
        s3, _, _ = self.decoder(*memory.read(keys, values))
        return s3, keys, values
