"""The dense parts of a network, cut where the memory is read: fixed shapes, plain tensors.

Every part takes and returns maps of the three scales one after the other, finest first.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from sali_core.engine.folding import fold_decoder
from sali_core.model.build import Network
from sali_core.model.decoder import resize
from sali_core.model.network import Encoder, Relation, SaliNetwork, project
from sali_core.model.released.network import ReleasedNetwork, weigh_values
from sali_core.types import STRIDES, FeaturePyramid


class Part(NamedTuple):
    """A module and inputs of the shapes it will always get."""

    module: nn.Module
    inputs: tuple[Tensor, ...]


class Parts(NamedTuple):
    """A network in three parts, the memory read standing before the last.

    Attributes:
        encode: RGB to f_t.
        relate: f_t and f_{t-1} (`paper`), or f_t alone (`released`), to keys and values; without a
            memory to F_short.
        decode: F_long (`paper`), or m_t, f_t and the neighbour's features (`released`), to logits
            and (`released`) the values as they enter memory.
    """

    encode: Part
    relate: Part
    decode: Part


def split_network(network: Network) -> Parts:
    """Cut a network, in inference mode, at its memory read."""
    config = network.config
    size = config.input_size
    rgb = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    maps = tuple(
        torch.zeros(1, config.channels, -(-size // stride), -(-size // stride))
        for stride in STRIDES
    )
    encode = Part(_Encode(network.encoder), (rgb,))
    if isinstance(network, ReleasedNetwork):
        relate = Part(_ReleasedRelate(network), maps)
        return Parts(encode, relate, Part(_ReleasedDecode(network), maps * 3))
    relate = Part(_PaperRelate(network.relation, reads=config.uses_lim), maps * 2)
    return Parts(encode, relate, Part(_PaperDecode(network), maps))


class _Encode(nn.Module):
    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, rgb: Tensor) -> FeaturePyramid:
        return cast(FeaturePyramid, self.encoder(rgb))


class _PaperRelate(nn.Module):
    def __init__(self, relation: Relation, *, reads: bool) -> None:
        super().__init__()
        self.relation, self.reads = relation, reads

    def forward(self, *maps: Tensor) -> tuple[Tensor, ...]:
        current, previous = cast(FeaturePyramid, maps[:3]), cast(FeaturePyramid, maps[3:])
        if not self.reads:
            return self.relation.short_term(current, previous)
        keys, values = self.relation(current, previous)
        return (*keys, *values)


class _PaperDecode(nn.Module):
    def __init__(self, network: SaliNetwork) -> None:
        super().__init__()
        self.decoder = fold_decoder(network.decoder)
        self.stretch = _Stretch(network.config.input_size)

    def forward(self, *maps: Tensor) -> tuple[Tensor, ...]:
        return (self.stretch(self.decoder.scores(cast(FeaturePyramid, maps)).s3),)


class _ReleasedRelate(nn.Module):
    def __init__(self, network: ReleasedNetwork) -> None:
        super().__init__()
        self.key, self.value = network.key, network.value

    def forward(self, *current: Tensor) -> tuple[Tensor, ...]:
        keys, values = project(self.key, self.value, cast(FeaturePyramid, current))
        return (*keys, *values)


class _ReleasedDecode(nn.Module):
    def __init__(self, network: ReleasedNetwork) -> None:
        super().__init__()
        self.alignment, self.fusion = network.alignment, network.fusion
        self.decoder = fold_decoder(network.decoder)
        self.stretch = _Stretch(network.config.input_size)
        self.value_channels = network.config.value_channels

    def forward(self, *maps: Tensor) -> tuple[Tensor, ...]:
        memory, current, neighbour = (cast(FeaturePyramid, maps[i : i + 3]) for i in (0, 3, 6))
        fused = self.fusion(self.alignment(memory, current), self.alignment(neighbour, current))
        scores = self.decoder.scores(fused)
        values = cast(FeaturePyramid, tuple(m[:, -self.value_channels :] for m in memory))
        return (self.stretch(scores.s3), *weigh_values(values, scores))


class _Stretch(nn.Module):
    """`resize` of one square map to the input's size as two matrix products.

    Interpolation works along each axis alone, and OpenVINO's own takes four times as long.
    """

    matrix: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        cells = -(-size // STRIDES[0])
        unit = torch.eye(cells)[None, None]
        self.register_buffer("matrix", resize(unit, (size, cells))[0, 0])

    def forward(self, x: Tensor) -> Tensor:
        return self.matrix @ x @ self.matrix.T
