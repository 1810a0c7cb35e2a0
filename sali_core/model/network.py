"""The stateless SALI network of the paper: encode, relate, read, decode.

One frame t of a stream goes through

    f_t        = encode(image)                    backbone + receptive-field blocks
    K_Q, V_Q   = relate(f_t, f_{t-1})             SAM (Eq. 1, 2), then LIM's projections
    F_long     = read_memory(bank, K_Q, V_Q)      LIM's masked attention (Eq. 3), see readout.py
    logits     = decode(F_long)

The network holds no state; what a stream remembers is a `StreamState`, owned by the caller.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from sali_core.config import ModelConfig
from sali_core.model.alignment import ShortTermAlignment
from sali_core.model.backbone import Backbone
from sali_core.model.decoder import Decoder
from sali_core.model.readout import MemoryTokens, dense_tokens, read_memory
from sali_core.model.rfb import ReceptiveFieldBlock
from sali_core.types import STRIDES, DecoderOutput, FeaturePyramid, Projection


class Encoder(nn.Module):
    """Backbone and one receptive-field block per scale; takes uint8 RGB."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.backbone = Backbone(config.backbone, dict(config.backbone_options))
        self.rfb = nn.ModuleList(
            ReceptiveFieldBlock(c_in, config.channels) for c_in in self.backbone.out_channels
        )
        # Constants of the configuration, not weights.
        self.register_buffer("mean", torch.tensor(config.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.std).view(3, 1, 1), persistent=False)

    def forward(self, rgb: Tensor) -> FeaturePyramid:
        """Map RGB [B, 3, H, W] in 0..255 (uint8 or float) to [B, C, h, w] at each stride."""
        image = (rgb.to(self.mean.dtype) / 255 - self.mean) / self.std
        features = self.backbone(image)
        return cast(
            FeaturePyramid, tuple(rfb(x) for rfb, x in zip(self.rfb, features, strict=True))
        )


class Relation(nn.Module):
    """SAM and LIM's projections: what frame t asks of the memory, and what it would leave there."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c = config.channels
        self.sam = nn.ModuleList(ShortTermAlignment(c, config.pool) for _ in STRIDES)
        self.key = nn.ModuleList(nn.Conv2d(c, config.key_channels, 3, padding=1) for _ in STRIDES)
        self.value = nn.ModuleList(
            nn.Conv2d(c, config.value_channels, 3, padding=1) for _ in STRIDES
        )

    def forward(self, current: FeaturePyramid, previous: FeaturePyramid) -> Projection:
        """Return K_Q and V_Q of each scale."""
        short = [sam(f_t, f_p) for sam, f_t, f_p in zip(self.sam, current, previous, strict=True)]
        keys = tuple(conv(x) for conv, x in zip(self.key, short, strict=True))
        values = tuple(conv(x) for conv, x in zip(self.value, short, strict=True))
        return Projection(cast(FeaturePyramid, keys), cast(FeaturePyramid, values))


class SaliNetwork(nn.Module):
    """The `paper` topology."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if 2 * config.value_channels != config.channels:
            # F_long = concat(readout, V_Q) must have the decoder's channels.
            raise ValueError("value_channels must be half of channels")
        self.config = config
        self.encoder = Encoder(config)
        self.relation = Relation(config)
        self.decoder = Decoder(config.channels)

    def encode(self, rgb: Tensor) -> FeaturePyramid:
        """Map RGB [B, 3, H, W] in 0..255 to the feature pyramid f_t."""
        return cast(FeaturePyramid, self.encoder(rgb))

    def relate(self, current: FeaturePyramid, previous: FeaturePyramid) -> Projection:
        """Return the queries K_Q, V_Q of frame t; `previous` is `current` for a first frame."""
        return cast(Projection, self.relation(current, previous))

    def decode(self, long: FeaturePyramid) -> DecoderOutput:
        """Map F_long of each scale to logits at the input size."""
        return cast(DecoderOutput, self.decoder(long))

    def mask_logits(self, long: FeaturePyramid) -> Tensor:
        """Map F_long of each scale to the mask's logits S_3, [B, 1, H, W]."""
        return self.decoder.mask_logits(long)


def read_itself(query: Projection) -> FeaturePyramid:
    """F_long of a frame whose bank is empty: it reads itself, unmasked (LIM, item 5)."""
    return cast(
        FeaturePyramid,
        tuple(
            read_memory(dense_tokens(k[:, None], v[:, None], None), k, v)
            for k, v in zip(query.keys, query.values, strict=True)
        ),
    )


def read_scales(tokens: tuple[MemoryTokens, ...], query: Projection) -> FeaturePyramid:
    """F_long of each scale from that scale's tokens."""
    return cast(
        FeaturePyramid,
        tuple(
            read_memory(t, k, v) for t, k, v in zip(tokens, query.keys, query.values, strict=True)
        ),
    )
