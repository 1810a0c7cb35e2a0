"""The topology of the authors' published code: memory first, alignment second (network.md)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from sali_core.config import ModelConfig
from sali_core.model.decoder import Decoder, resize
from sali_core.model.network import Encoder, project, read_scales
from sali_core.model.readout import MemoryTokens
from sali_core.model.released.fusion import Fusion
from sali_core.model.released.pyramid_alignment import PyramidAlignment
from sali_core.types import STRIDES, DecoderOutput, FeaturePyramid, Projection, StepOutput


class ReleasedNetwork(nn.Module):
    """Stateless; the token memory is `sali_core.memory.token_bank.TokenBank`.

    One frame t with neighbour n (t - 1 live, t + 1 in the authors' test loader) goes through

        f_t      = encode(image)
        K, V     = project(f_t)
        m_t      = concat(readout of the top 20 tokens, V)      see memory/token_bank.py
        scores   = segment(m_t, f_t, f_n)
        memory  += K, weigh_values(V, scores)
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c = config.channels
        self.config = config
        self.encoder = Encoder(config)
        # The authors' attention is written out. The fused kernel rounds otherwise, by 1e-6, which
        # is enough to swap a query's 20th and 21st token: logits then differ by 1e-3.
        for module in self.encoder.backbone.modules():
            if hasattr(module, "fused_attn"):
                setattr(module, "fused_attn", False)  # noqa: B010 - timm's modules are untyped
        self.key = nn.ModuleList(nn.Conv2d(c, config.key_channels, 3, padding=1) for _ in STRIDES)
        self.value = nn.ModuleList(
            nn.Conv2d(c, config.value_channels, 3, padding=1) for _ in STRIDES
        )
        self.alignment = PyramidAlignment(c)
        self.fusion = Fusion(c)
        self.decoder = Decoder(c)

    def encode(self, rgb: Tensor) -> FeaturePyramid:
        """Map RGB [B, 3, H, W] in 0..255 to f_t."""
        return cast(FeaturePyramid, self.encoder(rgb))

    def forward(
        self,
        rgb: Tensor,
        previous: FeaturePyramid | None,
        tokens: tuple[MemoryTokens, ...] | None,
    ) -> StepOutput:
        """Compute one frame of each of B live streams: the neighbour is the predecessor.

        Args:
            rgb: [B, 3, H, W] in 0..255.
            previous: f_{t-1}; None for first frames, which are their own neighbours.
            tokens: Memory of each scale; None for an empty bank: the frame reads itself.
        """
        current = self.encode(rgb)
        query = self.project(current)
        memory = read_scales(tokens, query, self.config.top_tokens)
        scores = self.segment(memory, current, previous or current)
        left = Projection(query.keys, weigh_values(query.values, scores))
        return StepOutput(resize(scores.s3, rgb.shape[-2:]), current, left)

    def project(self, features: FeaturePyramid) -> Projection:
        """Return keys [B, Ck, h, w] and values [B, Cv, h, w] of the encoder's features."""
        return project(self.key, self.value, features)

    def segment(
        self, memory: FeaturePyramid, current: FeaturePyramid, neighbour: FeaturePyramid
    ) -> DecoderOutput:
        """Align m_t and the neighbour to f_t, fuse, decode; logits at each output's own scale."""
        aligned_memory = self.alignment(memory, current)
        aligned_neighbour = self.alignment(neighbour, current)
        return self.decoder.scores(self.fusion(aligned_memory, aligned_neighbour))


def weigh_values(values: FeaturePyramid, scores: DecoderOutput) -> FeaturePyramid:
    """V * (1 + softmax over the frame's cells of that scale's logits), as written to memory."""
    weighed = []
    for value, logits in zip(values, (scores.s3, scores.s4, scores.s5), strict=True):
        attention = torch.softmax(logits.flatten(2), dim=-1).view_as(logits)
        weighed.append(value * (1 + attention))
    return cast(FeaturePyramid, tuple(weighed))
