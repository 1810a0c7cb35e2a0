"""The dense parts of a network compiled by OpenVINO for CPUs, the memory read in torch.

The read stays in torch since its size changes with the bank. Differences to torch are those of
float32 summation order, and their consequence in `released`: where two scores lie within rounding
of each other, a query's 20th and 21st token may change places (ADR 0006).
"""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from sali_core import engine, model
from sali_core.engine.openvino_graphs import (
    GraphCache,
    compile_graph,
    forget_old_graphs,
    import_openvino,
)
from sali_core.engine.parts import Part, Parts, split_network
from sali_core.errors import EngineError
from sali_core.model.build import Network
from sali_core.model.network import read_scales
from sali_core.model.readout import MemoryTokens
from sali_core.types import FeaturePyramid, Projection, StepOutput


class OpenVinoNetwork:
    """Runs the dense parts of a network; batch 1; not for two threads at once."""

    def __init__(
        self, network: Network, cache: Path | None = None, *, precision: str = "float32"
    ) -> None:
        """Compile; takes some seconds, less when this very network was compiled before.

        Args:
            network: In inference mode, float32, on the CPU.
            cache: Folder to keep converted graphs in; None keeps none.
            precision: `float32`, or `bfloat16`: of the encoder alone. The rest stays in float32,
                deformable convolutions among it.

        Raises:
            ImportError: OpenVINO is not installed.
            EngineError: OpenVINO has no counterpart for a part of this network, or the processor
                none for this precision.
        """
        core = import_openvino().Core()
        if precision == "bfloat16" and "BF16" not in core.get_property(
            "CPU", "OPTIMIZATION_CAPABILITIES"
        ):
            raise EngineError("this processor does not compute in bfloat16; use float32")
        folder = cache and cache / _fingerprint(network)
        graphs = GraphCache(core, folder)
        self.config = network.config
        parts = split_network(network)
        with torch.no_grad():
            encode, relate, decode = (graphs.get(name, *part) for name, part in _named(parts))
        if folder:
            forget_old_graphs(folder)
        self._encode = compile_graph(core, encode, precision)
        self._relate = compile_graph(core, relate)
        self._decode = compile_graph(core, decode)

    def __call__(
        self, rgb: Tensor, previous: FeaturePyramid | None, tokens: tuple[MemoryTokens, ...] | None
    ) -> StepOutput:
        """Compute what `SaliNetwork.forward` or `ReleasedNetwork.forward` computes."""
        current = cast(FeaturePyramid, self._encode([rgb]))
        neighbour = previous or current
        if self.config.topology == "released":
            query = _projection(self._relate(current))
            memory = read_scales(tokens, query, self.config.top_tokens)
            logits, *weighed = self._decode([*memory, *current, *neighbour])
            left = Projection(query.keys, cast(FeaturePyramid, tuple(weighed)))
            return StepOutput(logits, current, left)
        related = self._relate([*current, *neighbour])
        if not self.config.uses_lim:
            return StepOutput(self._decode(related)[0], current, None)
        query = _projection(related)
        long = read_scales(tokens, query, self.config.top_tokens)
        return StepOutput(self._decode(long)[0], current, query)


def _named(parts: Parts) -> list[tuple[str, Part]]:
    return list(zip(Parts._fields, parts, strict=True))


def _projection(maps: tuple[Tensor, ...]) -> Projection:
    return Projection(cast(FeaturePyramid, maps[:3]), cast(FeaturePyramid, maps[3:]))


def _fingerprint(network: Network) -> str:
    """A name for everything a converted graph depends on: weights, our code, the libraries."""
    libraries = [metadata.version(name) for name in ("openvino", "timm", "torchvision")]
    digest = hashlib.sha256(" ".join([torch.__version__, *libraries]).encode())
    digest.update(repr(network.config).encode())
    for package in (model, engine):
        for source in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            digest.update(source.read_bytes())
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]
