"""Runs a clip through the network as a stream would, differentiably.

Frame 0 is a first frame (its own predecessor, empty bank). Frame 1 is its own predecessor and
reads frame 0. Frame 2 has frame 1 as predecessor and reads what memory life may give it: frames
with true, predicted, missing or wrong masks, or an empty bank. (With true masks alone the network
never learns to work without memory: single frames fail.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from sali_core.model.network import SaliNetwork, read_scales
from sali_core.model.readout import MemoryTokens, dense_tokens
from sali_core.types import STRIDES, DecoderOutput, FeaturePyramid, Projection


@dataclass(frozen=True)
class MemoryMix:
    """Shares of what a frame finds in memory during training; the rest are true masks."""

    empty_bank: float = 0.25
    predicted: float = 0.5
    missing: float = 0.1
    wrong: float = 0.1


def clip_forward(
    network: SaliNetwork, rgb: Tensor, masks: Tensor, generator: Generator, mix: MemoryMix
) -> list[DecoderOutput]:
    """Segment every frame of a batch of clips.

    Args:
        network: In training mode.
        rgb: [B, T, 3, S, S] uint8, T = 3 (see `data.clips`).
        masks: Truth, [B, T, 1, S, S] in [0, 1].
        generator: CPU generator that draws the kinds of memory.
        mix: Their shares.

    Returns:
        Output of each frame, [B, 1, S, S] maps.
    """
    batch, frames = rgb.shape[:2]
    pyramid = network.encode(rgb.flatten(0, 1))
    by_frame = [
        cast(FeaturePyramid, tuple(x.view(batch, frames, *x.shape[1:])[:, t] for x in pyramid))
        for t in range(frames)
    ]
    size = (rgb.shape[-2], rgb.shape[-1])
    outputs: list[DecoderOutput] = []
    written: list[tuple[Projection, Tensor]] = []
    for t, current in enumerate(by_frame):
        previous = by_frame[t - 1] if t == frames - 1 else current
        empty = t == 0 or float(torch.rand((), generator=generator)) < mix.empty_bank
        if not network.config.uses_lim:
            outputs.append(network.decoder(network.relation.short_term(current, previous), size))
            continue
        query = network.relate(current, previous)
        tokens = None if empty else _tokens(written, network.config.masks_keys)
        output: DecoderOutput = network.decoder(read_scales(tokens, query), size)
        outputs.append(output)
        predicted = (torch.sigmoid(output.s3.detach()) >= 0.5).to(masks.dtype)
        written.append((query, _remembered_mask(masks[:, t], predicted, generator, mix)))
    return outputs


def _tokens(written: list[tuple[Projection, Tensor]], masks_keys: bool) -> tuple[MemoryTokens, ...]:
    tokens = []
    for scale in range(len(STRIDES)):
        keys = torch.stack([p.keys[scale] for p, _ in written], 1)
        values = torch.stack([p.values[scale] for p, _ in written], 1)
        shape = keys.shape[-2:]
        masks = torch.stack([F.interpolate(m, shape, mode="area") for _, m in written], 1)
        tokens.append(dense_tokens(keys, values, masks.to(keys.dtype) if masks_keys else None))
    return tuple(tokens)


def _remembered_mask(
    true: Tensor, predicted: Tensor, generator: Generator, mix: MemoryMix
) -> Tensor:
    """Choose, for each clip of the batch, the mask its memory frame is kept with."""
    draw = torch.rand(true.shape[0], generator=generator).tolist()
    shift = [int(s) for s in torch.randint(-80, 81, (2,), generator=generator)]
    wrong = true.roll((shift[0], shift[1]), (2, 3))
    chosen = []
    for b, u in enumerate(draw):
        if u < mix.predicted:
            chosen.append(predicted[b])
        elif u < mix.predicted + mix.missing:
            chosen.append(torch.zeros_like(true[b]))
        elif u < mix.predicted + mix.missing + mix.wrong:
            chosen.append(wrong[b])
        else:
            chosen.append(true[b])
    return torch.stack(chosen)
