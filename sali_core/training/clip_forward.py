"""Runs a clip through a network as a stream would, differentiably.

Frame 0 is a first frame (its own predecessor, empty bank). The last frame has the one before it as
predecessor; frames in between, whose predecessors are not in the clip, are their own. Each reads
what memory life may give it of the frames before: see `memory_kinds`.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from sali_core.model.build import Network
from sali_core.model.decoder import resize
from sali_core.model.network import SaliNetwork, read_scales
from sali_core.model.readout import MemoryTokens, dense_tokens
from sali_core.model.released.network import ReleasedNetwork, weigh_values
from sali_core.training.memory_kinds import MemoryKinds, MemoryMix
from sali_core.types import STRIDES, DecoderOutput, FeaturePyramid, Projection

# Logits at which a given mask stands in for the network's own: nearly certain.
_CERTAIN = 8.0


def clip_forward(
    network: Network, rgb: Tensor, masks: Tensor, generator: Generator, mix: MemoryMix
) -> list[DecoderOutput]:
    """Segment every frame of a batch of clips.

    Args:
        network: In training mode.
        rgb: [B, T, 3, S, S] uint8, T >= 1 (see `data.clips`).
        masks: Truth, [B, T, 1, S, S] in [0, 1].
        generator: CPU generator that draws the kinds of memory.
        mix: Their shares.

    Returns:
        Output of each frame, [B, 1, S, S] maps.
    """
    batch, frames, size = rgb.shape[0], rgb.shape[1], rgb.shape[-1]
    pyramid = network.encode(rgb.flatten(0, 1))
    by_frame = [
        cast(FeaturePyramid, tuple(x.view(batch, frames, *x.shape[1:])[:, t] for x in pyramid))
        for t in range(frames)
    ]
    outputs: list[DecoderOutput] = []
    written: list[tuple[MemoryTokens, ...]] = []
    for t, current in enumerate(by_frame):
        previous = by_frame[t - 1] if t == frames - 1 else current
        empty = t == 0 or float(torch.rand((), generator=generator)) < mix.empty_bank
        tokens = None if empty or not written else _join(written)
        kinds = mix.draw(batch, size, generator)
        if isinstance(network, ReleasedNetwork):
            output, left = _released_frame(network, current, previous, tokens, masks[:, t], kinds)
        else:
            output, left = _paper_frame(network, current, previous, tokens, masks[:, t], kinds)
        outputs.append(output)
        if left:
            written.append(left)
    return outputs


def _paper_frame(
    network: SaliNetwork,
    current: FeaturePyramid,
    previous: FeaturePyramid,
    tokens: tuple[MemoryTokens, ...] | None,
    truth: Tensor,
    kinds: MemoryKinds,
) -> tuple[DecoderOutput, tuple[MemoryTokens, ...]]:
    """Compute one frame of `paper` and the tokens it leaves; none where there is no LIM."""
    size = (truth.shape[-2], truth.shape[-1])
    if not network.config.uses_lim:
        return network.decoder(network.relation.short_term(current, previous), size), ()
    query = network.relate(current, previous)
    output: DecoderOutput = network.decoder(read_scales(tokens, query), size)
    if not network.config.masks_keys:
        return output, _tokens(query, None)
    predicted = (torch.sigmoid(output.s3.detach()) >= 0.5).to(truth.dtype)
    return output, _tokens(query, kinds.masks(truth, predicted))


def _released_frame(
    network: ReleasedNetwork,
    current: FeaturePyramid,
    previous: FeaturePyramid,
    tokens: tuple[MemoryTokens, ...] | None,
    truth: Tensor,
    kinds: MemoryKinds,
) -> tuple[DecoderOutput, tuple[MemoryTokens, ...]]:
    """Compute one frame of `released`: memory first, then alignment to the neighbour t - 1.

    Values enter memory weighed by the logits of their scale; true, missing and wrong masks stand
    in as logits of +-8, an empty one as equal logits.
    """
    query = network.project(current)
    memory = read_scales(tokens, query, network.config.top_tokens)
    scores = network.segment(memory, current, previous)
    predicted = (torch.sigmoid(resize(scores.s3.detach(), truth.shape[-2:])) >= 0.5).to(truth.dtype)
    given = kinds.masks(truth, predicted)
    is_predicted = kinds.is_predicted(truth.device)
    kept = DecoderOutput(*(_logits_kept(own, given, is_predicted) for own in scores))
    output = DecoderOutput(*(resize(x, truth.shape[-2:]) for x in scores))
    return output, _tokens(Projection(query.keys, weigh_values(query.values, kept)), None)


def _logits_kept(own: Tensor, given: Tensor, is_predicted: Tensor) -> Tensor:
    """Return the network's logits [B, 1, h, w] where predicted, else those of the given masks."""
    small = F.interpolate(given, own.shape[-2:], mode="area")
    return torch.where(is_predicted, own.detach(), ((2 * small - 1) * _CERTAIN).to(own.dtype))


def _tokens(left: Projection, masks: Tensor | None) -> tuple[MemoryTokens, ...]:
    """Make the tokens of one frame, per scale; keys masked by `masks` [B, 1, S, S] if given."""
    tokens = []
    for keys, values in zip(left.keys, left.values, strict=True):
        small = None
        if masks is not None:
            small = F.interpolate(masks, keys.shape[-2:], mode="area")[:, None].to(keys.dtype)
        tokens.append(dense_tokens(keys[:, None], values[:, None], small))
    return tuple(tokens)


def _join(written: list[tuple[MemoryTokens, ...]]) -> tuple[MemoryTokens, ...]:
    """Join the tokens of several frames, per scale."""
    return tuple(
        MemoryTokens(
            torch.cat([frame[scale].keys for frame in written], 1),
            torch.cat([frame[scale].values for frame in written], 1),
        )
        for scale in range(len(STRIDES))
    )
