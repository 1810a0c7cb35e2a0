"""The dense parts of a network for a batch of streams, cut where memory is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from sali_core.engine.folding import fold_decoder
from sali_core.model.build import Network
from sali_core.model.decoder import Decoder
from sali_core.model.network import SaliNetwork
from sali_core.model.ragged import Select, select_best, select_best_fused
from sali_core.model.released.network import ReleasedNetwork, weigh_values
from sali_core.types import FeaturePyramid, Projection

# A shape compiles once per part; torch would stop at eight over all networks of a process.
_MOST_SHAPES = 256


class DenseParts(NamedTuple):
    """Functions of whole batches.

    Attributes:
        encode: RGB [B, 3, H, W] uint8 to f_t.
        relate: f_t, f_{t-1} to what is asked of memory; to F_short where there is none.
        decode: F_long, f_t, f_{t-1} and the query to S_3 at stride 8 and what enters memory.
        select: How reads of the best tokens find them.
    """

    encode: Callable[[Tensor], FeaturePyramid]
    relate: Callable[[FeaturePyramid, FeaturePyramid], Projection | FeaturePyramid]
    decode: Callable[..., tuple[Tensor, Projection | None]]
    select: Select = select_best


def split_batched(network: Network, *, compiled: bool = False) -> DenseParts:
    """Cut a network, in inference mode, on its device.

    Args:
        network: Unchanged; its weights are used, its decoder is folded.
        compiled: Let torch compile each part, once per shape, at its first use.
    """
    parts = _released(network) if isinstance(network, ReleasedNetwork) else _paper(network)
    if not compiled:
        return parts
    config = cast(Any, torch)._dynamo.config
    config.recompile_limit = max(config.recompile_limit, _MOST_SHAPES)
    return DenseParts(
        torch.compile(parts.encode, dynamic=False),
        torch.compile(parts.relate, dynamic=False),
        torch.compile(parts.decode, dynamic=False),
        torch.compile(select_best_fused, dynamic=False),
    )


def _folded(network: Network) -> Decoder:
    # Folding makes its convolutions on the CPU.
    return fold_decoder(network.decoder).to(next(network.parameters()).device)


def _paper(network: SaliNetwork) -> DenseParts:
    decoder = _folded(network)
    reads = network.config.uses_lim

    def relate(current: FeaturePyramid, previous: FeaturePyramid) -> Projection | FeaturePyramid:
        relation = network.relation
        return relation(current, previous) if reads else relation.short_term(current, previous)

    def decode(
        long: FeaturePyramid, current: FeaturePyramid, previous: FeaturePyramid,
        query: Projection | None,
    ) -> tuple[Tensor, Projection | None]:  # fmt: skip
        del current, previous
        return decoder.scores(long).s3, query

    return DenseParts(network.encode, relate, decode)


def _released(network: ReleasedNetwork) -> DenseParts:
    decoder = _folded(network)

    def relate(current: FeaturePyramid, previous: FeaturePyramid) -> Projection:
        del previous
        return network.project(current)

    def decode(
        long: FeaturePyramid, current: FeaturePyramid, previous: FeaturePyramid, query: Projection
    ) -> tuple[Tensor, Projection | None]:
        aligned = network.alignment(long, current), network.alignment(previous, current)
        scores = decoder.scores(network.fusion(*aligned))
        return scores.s3, Projection(query.keys, weigh_values(query.values, scores))

    return DenseParts(network.encode, relate, decode)
