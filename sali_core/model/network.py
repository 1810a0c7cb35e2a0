"""The stateless SALI network of the paper: encode, relate, read, decode.

One frame t of a stream goes through

    f_t        = encode(image)                    backbone + receptive-field blocks
    K_Q, V_Q   = relate(f_t, f_{t-1})             SAM (Eq. 1, 2), then LIM's projections
    F_long     = read_scales(bank, K_Q, V_Q)      LIM's masked attention (Eq. 3), see readout.py
    logits     = decode(F_long)

The network holds no state; what a stream remembers is a `StreamState`, owned by the caller. The
paper's ablations leave parts out: `ModelConfig.ablation`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from sali_core.config import ModelConfig
from sali_core.model.alignment import ShortTermAlignment
from sali_core.model.backbone import Backbone
from sali_core.model.decoder import Decoder
from sali_core.model.readout import MemoryTokens, dense_tokens, read_memory
from sali_core.model.rfb import ReceptiveFieldBlock
from sali_core.types import STRIDES, FeaturePyramid, Projection, StepOutput


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
        self.sam = nn.ModuleList(
            ShortTermAlignment(c, config.pool, aligns=config.aligns_features)
            for _ in STRIDES
            if config.uses_sam
        )
        scales = STRIDES if config.uses_lim else ()
        self.key = nn.ModuleList(nn.Conv2d(c, config.key_channels, 3, padding=1) for _ in scales)
        self.value = nn.ModuleList(
            nn.Conv2d(c, config.value_channels, 3, padding=1) for _ in scales
        )

    def forward(self, current: FeaturePyramid, previous: FeaturePyramid) -> Projection:
        """Return K_Q and V_Q of each scale."""
        return project(self.key, self.value, self.short_term(current, previous))

    def short_term(self, current: FeaturePyramid, previous: FeaturePyramid) -> FeaturePyramid:
        """Return F_short of each scale; f_t itself where there is no SAM."""
        if not self.sam:
            return current
        short = [sam(f_t, f_p) for sam, f_t, f_p in zip(self.sam, current, previous, strict=True)]
        return cast(FeaturePyramid, tuple(short))


class SaliNetwork(nn.Module):
    """The `paper` topology."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.relation = Relation(config)
        self.decoder = Decoder(config.channels)

    def forward(
        self,
        rgb: Tensor,
        previous: FeaturePyramid | None,
        tokens: tuple[MemoryTokens, ...] | None,
    ) -> StepOutput:
        """Compute one frame of each of B streams: tensors in, tensors out, no state.

        Args:
            rgb: [B, 3, H, W] in 0..255.
            previous: f_{t-1}; None for first frames, which are their own predecessors.
            tokens: Memory of each scale; None for an empty bank: the frame reads itself.
        """
        current = self.encode(rgb)
        size = (rgb.shape[-2], rgb.shape[-1])
        if not self.config.uses_lim:
            short = self.relation.short_term(current, previous or current)
            return StepOutput(self.decoder.mask_logits(short, size), current, None)
        query = self.relate(current, previous or current)
        long = read_scales(tokens, query)
        return StepOutput(self.decoder.mask_logits(long, size), current, query)

    def encode(self, rgb: Tensor) -> FeaturePyramid:
        """Map RGB [B, 3, H, W] in 0..255 to the feature pyramid f_t."""
        return cast(FeaturePyramid, self.encoder(rgb))

    def relate(self, current: FeaturePyramid, previous: FeaturePyramid) -> Projection:
        """Return the queries K_Q, V_Q of frame t; `previous` is `current` for a first frame."""
        return cast(Projection, self.relation(current, previous))


def project(
    key: Iterable[nn.Module], value: Iterable[nn.Module], features: FeaturePyramid
) -> Projection:
    """Apply LIM's key and value convolutions, one of each per scale."""
    keys = tuple(conv(x) for conv, x in zip(key, features, strict=True))
    values = tuple(conv(x) for conv, x in zip(value, features, strict=True))
    return Projection(cast(FeaturePyramid, keys), cast(FeaturePyramid, values))


def read_scales(
    tokens: tuple[MemoryTokens, ...] | None, query: Projection, top_tokens: int | None = None
) -> FeaturePyramid:
    """F_long of each scale: concat(readout, V_Q).

    Args:
        tokens: Of each scale; None: the bank is empty and the frame reads itself, unmasked (LIM,
            item 5).
        query: K_Q and V_Q.
        top_tokens: Tokens each query cell reads; None for all.
    """
    if tokens is None:
        tokens = tuple(
            dense_tokens(k[:, None], v[:, None], None)
            for k, v in zip(query.keys, query.values, strict=True)
        )
    long = [
        read_memory(t, k, v, top_tokens=top_tokens)
        for t, k, v in zip(tokens, query.keys, query.values, strict=True)
    ]
    return cast(FeaturePyramid, tuple(long))
