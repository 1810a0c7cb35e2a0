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
from sali_core.engine.openvino_graphs import GraphCache, compile_graph, import_openvino
from sali_core.engine.parts import split_network
from sali_core.model.build import Network
from sali_core.model.network import read_scales
from sali_core.model.readout import MemoryTokens
from sali_core.types import FeaturePyramid, Projection, StepOutput


class OpenVinoNetwork:
    """Runs the dense parts of a network; batch 1; not for two threads at once."""

    def __init__(self, network: Network, cache: Path | None = None) -> None:
        """Compile; takes some seconds, less when this very network was compiled before.

        Args:
            network: In inference mode, float32, on the CPU.
            cache: Folder to keep converted graphs in; None keeps none.

        Raises:
            ImportError: OpenVINO is not installed.
            EngineError: OpenVINO has no counterpart for a part of this network.
        """
        core = import_openvino().Core()
        graphs = GraphCache(core, cache and cache / _fingerprint(network))
        self.config = network.config
        halves = split_network(network)
        with torch.no_grad():
            front = graphs.get("front", halves.front, halves.front_inputs)
            self._front = compile_graph(core, front)
            if halves.back is not None:
                back = graphs.get("back", halves.back, halves.back_inputs)
                self._back = compile_graph(core, back)
        self._is_released = network.config.topology == "released"
        self._no_features = halves.front_inputs[1:]

    def __call__(
        self, rgb: Tensor, previous: FeaturePyramid | None, tokens: tuple[MemoryTokens, ...] | None
    ) -> StepOutput:
        """Compute what `SaliNetwork.forward` or `ReleasedNetwork.forward` computes."""
        if self._is_released:
            return self._step_released(rgb, previous, tokens)
        out = self._front([rgb, *(previous or self._no_features)])
        if previous is None:  # a first frame is its own predecessor
            out = self._front([rgb, *out[:3]])
        current = cast(FeaturePyramid, out[:3])
        if not self.config.uses_lim:
            return StepOutput(out[3], current, None)
        query = _projection(out[3:])
        long = read_scales(tokens, query, self.config.top_tokens)
        return StepOutput(self._back(list(long))[0], current, query)

    def _step_released(
        self, rgb: Tensor, previous: FeaturePyramid | None, tokens: tuple[MemoryTokens, ...] | None
    ) -> StepOutput:
        out = self._front([rgb])
        current, query = cast(FeaturePyramid, out[:3]), _projection(out[3:])
        memory = read_scales(tokens, query, self.config.top_tokens)
        logits, *weighed = self._back([*memory, *current, *(previous or current)])
        left = Projection(query.keys, cast(FeaturePyramid, tuple(weighed)))
        return StepOutput(logits, current, left)


def _projection(maps: tuple[Tensor, ...]) -> Projection:
    return Projection(cast(FeaturePyramid, maps[:3]), cast(FeaturePyramid, maps[3:]))


def _fingerprint(network: Network) -> str:
    """A name for everything a converted graph depends on: weights, our code, both libraries."""
    digest = hashlib.sha256(f"{torch.__version__} {metadata.version('openvino')}".encode())
    digest.update(repr(network.config).encode())
    for package in (model, engine):
        for source in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            digest.update(source.read_bytes())
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]
