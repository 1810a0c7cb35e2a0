"""The dense parts of the network compiled by OpenVINO, float32, for CPUs.

The memory read stays in torch: its size changes with the bank. Differences to torch are those of
float32 summation order.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from sali_core import model
from sali_core.errors import EngineError
from sali_core.model.network import SaliNetwork, read_scales
from sali_core.model.readout import MemoryTokens
from sali_core.types import FeaturePyramid, Projection, StepOutput

_Compiled = Callable[[list[Tensor]], tuple[Tensor, ...]]


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry.

    OpenVINO reports its import and every conversion to a web analytics service unless the package
    `openvino_telemetry` cannot be imported. What runs in a hospital calls nobody.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # makes its import fail
    import openvino
    import openvino.frontend

    return openvino


class OpenVinoNetwork:
    """Runs the dense parts of a network; batch 1; not for two threads at once."""

    def __init__(self, network: SaliNetwork, cache: Path | None = None) -> None:
        """Compile; takes some seconds, less when this very network was compiled before.

        Args:
            network: With memory (`uses_lim`), in inference mode, float32, on the CPU.
            cache: Folder to keep converted graphs in; None keeps none.

        Raises:
            ImportError: OpenVINO is not installed.
            EngineError: OpenVINO has no counterpart for a part of this network.
        """
        core = import_openvino().Core()
        graphs = _GraphCache(core, cache and cache / _fingerprint(network))
        self.config = network.config
        size = network.config.input_size
        frame = torch.zeros(1, 3, size, size, dtype=torch.uint8)
        with torch.no_grad():
            pyramid = network.encode(frame)
            # Distinct tensors: the exporter would merge inputs that alias each other.
            other = tuple(x.clone() for x in pyramid)
            query = network.relate(pyramid, cast(FeaturePyramid, other))
            long = [torch.cat((v, v), 1) for v in query.values]
            self._encode = _compile(core, graphs.get("encode", _Encode(network), [frame]))
            self._relate = _compile(
                core, graphs.get("relate", _Relate(network), [*pyramid, *other])
            )
            self._decode = _compile(core, graphs.get("decode", _Decode(network), long))

    def __call__(
        self, rgb: Tensor, previous: FeaturePyramid | None, tokens: tuple[MemoryTokens, ...] | None
    ) -> StepOutput:
        """Compute what `SaliNetwork.forward` computes."""
        current = cast(FeaturePyramid, self._encode([rgb]))
        out = self._relate([*current, *(previous or current)])
        query = Projection(cast(FeaturePyramid, out[:3]), cast(FeaturePyramid, out[3:]))
        long = read_scales(tokens, query)
        return StepOutput(self._decode(list(long))[0], current, query)


class _GraphCache:
    """Converted graphs on disk: exporting and converting take most of the start."""

    def __init__(self, core: Any, folder: Path | None) -> None:
        self._core = core
        self._folder = folder

    def get(self, name: str, module: nn.Module, example: list[Tensor]) -> Any:
        """Return the graph of a module, from disk where it is there."""
        path = self._folder / f"{name}.xml" if self._folder else None
        if path and path.exists():
            with contextlib.suppress(RuntimeError):  # damaged: made again below
                return self._core.read_model(path)
        exported = torch.export.export(module.eval(), tuple(example))
        graph = _convert(name, exported)
        if path:
            # A full or read-only disk costs the next start some seconds, nothing else.
            with contextlib.suppress(OSError):
                self._save(graph, path)
                # Read back: a graph from disk rounds otherwise, and every start shall be alike.
                return self._core.read_model(path)
        return graph

    def _save(self, graph: Any, path: Path) -> None:
        """Write both files of a graph; the one that is looked for comes last, whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            partial = Path(folder) / path.name
            import_openvino().save_model(graph, partial, compress_to_fp16=False)
            partial.with_suffix(".bin").replace(path.with_suffix(".bin"))
            partial.replace(path)


def _convert(name: str, exported: torch.export.ExportedProgram) -> Any:
    openvino = import_openvino()
    failures = (
        openvino.frontend.GeneralFailure,
        openvino.frontend.NotImplementedFailure,
        openvino.frontend.OpConversionFailure,
        openvino.frontend.OpValidationFailure,
        RuntimeError,
    )
    try:
        return openvino.convert_model(exported)
    except failures as exc:
        reason = (str(exc).strip().splitlines() or [type(exc).__name__])[-1].strip()
        raise EngineError(f"OpenVINO cannot convert {name!r}: {reason}") from exc


def _fingerprint(network: SaliNetwork) -> str:
    """A name for everything a converted graph depends on: weights, our code, both libraries."""
    digest = hashlib.sha256(f"{torch.__version__} {metadata.version('openvino')}".encode())
    digest.update(repr(network.config).encode())
    for source in sorted(Path(model.__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    digest.update(Path(__file__).read_bytes())
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]


def _compile(core: Any, graph: Any) -> _Compiled:
    compiled = core.compile_model(
        graph,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        },
    )
    request = compiled.create_infer_request()
    outputs = range(len(compiled.outputs))

    def run(inputs: list[Tensor]) -> tuple[Tensor, ...]:
        request.infer([x.contiguous().numpy() for x in inputs], share_inputs=True)
        # Copies: the request's own buffers are overwritten by its next run.
        return tuple(
            torch.from_numpy(request.get_output_tensor(place).data.copy()) for place in outputs
        )

    return run


class _Encode(nn.Module):
    def __init__(self, network: SaliNetwork) -> None:
        super().__init__()
        self.encoder = network.encoder

    def forward(self, rgb: Tensor) -> FeaturePyramid:
        return cast(FeaturePyramid, self.encoder(rgb))


class _Relate(nn.Module):
    def __init__(self, network: SaliNetwork) -> None:
        super().__init__()
        self.relation = network.relation

    def forward(
        self, c0: Tensor, c1: Tensor, c2: Tensor, p0: Tensor, p1: Tensor, p2: Tensor
    ) -> tuple[Tensor, ...]:
        keys, values = self.relation((c0, c1, c2), (p0, p1, p2))
        return (*keys, *values)


class _Decode(nn.Module):
    def __init__(self, network: SaliNetwork) -> None:
        super().__init__()
        self.decoder = network.decoder
        self.size = (network.config.input_size, network.config.input_size)

    def forward(self, x0: Tensor, x1: Tensor, x2: Tensor) -> Tensor:
        return self.decoder.mask_logits((x0, x1, x2), self.size)
