"""The two halves of a network that stand before and behind the memory read: dense, fixed shapes.

Every half takes and returns plain tensors, the three scales one after the other, finest first.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from sali_core.engine.folding import fold_decoder
from sali_core.model.build import Network
from sali_core.model.decoder import resize
from sali_core.model.network import SaliNetwork, project
from sali_core.model.released.network import ReleasedNetwork, weigh_values
from sali_core.types import STRIDES, FeaturePyramid


class Halves(NamedTuple):
    """What to compute before and behind the memory read, with inputs of the right shapes.

    Attributes:
        front: RGB (and f_{t-1}, `paper`) to f_t, keys and values; without a memory to f_t and
            logits.
        front_inputs: An example.
        back: F_long (`paper`), or m_t, f_t and the neighbour's features (`released`), to logits
            and (`released`) the values as they enter memory. None without a memory.
        back_inputs: An example.
    """

    front: nn.Module
    front_inputs: list[Tensor]
    back: nn.Module | None
    back_inputs: list[Tensor]


def split_network(network: Network) -> Halves:
    """Cut a network, in inference mode, at its memory read."""
    config = network.config
    size = config.input_size
    rgb = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    maps = [torch.zeros(1, config.channels, *shape) for shape in feature_sizes(size)]
    if isinstance(network, ReleasedNetwork):
        back = _ReleasedBack(network)
        return Halves(_ReleasedFront(network), [rgb], back, [*maps, *maps, *maps])
    if not config.uses_lim:
        return Halves(_PaperWhole(network), [rgb, *maps], None, [])
    return Halves(_PaperFront(network), [rgb, *maps], _PaperBack(network), maps)


def feature_sizes(input_size: int) -> list[tuple[int, int]]:
    """Height and width of the maps of each scale."""
    return [(-(-input_size // stride),) * 2 for stride in STRIDES]


class _PaperFront(nn.Module):
    def __init__(self, network: SaliNetwork) -> None:
        super().__init__()
        self.encoder, self.relation = network.encoder, network.relation

    def forward(self, rgb: Tensor, p0: Tensor, p1: Tensor, p2: Tensor) -> tuple[Tensor, ...]:
        current = self.encoder(rgb)
        keys, values = self.relation(current, (p0, p1, p2))
        return (*current, *keys, *values)


class _PaperBack(nn.Module):
    def __init__(self, network: SaliNetwork) -> None:
        super().__init__()
        self.decoder = fold_decoder(network.decoder)
        self.size = (network.config.input_size,) * 2

    def forward(self, x0: Tensor, x1: Tensor, x2: Tensor) -> tuple[Tensor, ...]:
        return (self.decoder.mask_logits((x0, x1, x2), self.size),)


class _PaperWhole(nn.Module):
    """The ablations without a memory: nothing to read in between."""

    def __init__(self, network: SaliNetwork) -> None:
        super().__init__()
        self.encoder, self.relation = network.encoder, network.relation
        self.back = _PaperBack(network)

    def forward(self, rgb: Tensor, p0: Tensor, p1: Tensor, p2: Tensor) -> tuple[Tensor, ...]:
        current = self.encoder(rgb)
        short = self.relation.short_term(current, (p0, p1, p2))
        return (*current, *self.back(*short))


class _ReleasedFront(nn.Module):
    def __init__(self, network: ReleasedNetwork) -> None:
        super().__init__()
        self.encoder, self.key, self.value = network.encoder, network.key, network.value

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        current = self.encoder(rgb)
        keys, values = project(self.key, self.value, current)
        return (*current, *keys, *values)


class _ReleasedBack(nn.Module):
    def __init__(self, network: ReleasedNetwork) -> None:
        super().__init__()
        self.alignment, self.fusion = network.alignment, network.fusion
        self.decoder = fold_decoder(network.decoder)
        self.size = (network.config.input_size,) * 2
        self.value_channels = network.config.value_channels

    def forward(self, *maps: Tensor) -> tuple[Tensor, ...]:
        memory, current, neighbour = (cast(FeaturePyramid, maps[i : i + 3]) for i in (0, 3, 6))
        fused = self.fusion(self.alignment(memory, current), self.alignment(neighbour, current))
        scores = self.decoder.scores(fused)
        values = tuple(m[:, -self.value_channels :] for m in memory)
        left = weigh_values(cast(FeaturePyramid, values), scores)
        return (resize(scores.s3, self.size), *left)
