"""Graphs of OpenVINO: exported, converted, kept on disk, compiled for the CPU."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sali_core.errors import EngineError

KEPT_NETWORKS = 4
_FOLDER = re.compile("[0-9a-f]{32}")
_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}

CompiledGraph = Callable[[Sequence[Tensor]], tuple[Tensor, ...]]


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


class GraphCache:
    """Converted graphs on disk: exporting and converting take most of the start."""

    def __init__(self, core: Any, folder: Path | None) -> None:
        """Use a folder named after everything the graphs depend on; None keeps none."""
        self._core = core
        self._folder = folder

    def get(self, name: str, module: nn.Module, example: Sequence[Tensor]) -> Any:
        """Return the graph of a module, from disk where it is there.

        Raises:
            EngineError: OpenVINO has no counterpart for a part of it.
        """
        path = self._folder / f"{name}.xml" if self._folder else None
        if path and path.exists():
            with contextlib.suppress(RuntimeError):  # damaged: made again below
                return self._core.read_model(path)
        # Distinct tensors: the exporter would merge inputs that alias each other.
        inputs = tuple(x.clone() for x in example)
        graph = _convert(name, module, inputs)
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


def forget_old_graphs(used: Path) -> None:
    """Keep the graphs of the networks used last, a few of them: large ones take 330 MB each.

    Args:
        used: Folder of the network that was started just now; its neighbours are looked at.
    """
    # Cleaning up is no reason to fail.
    with contextlib.suppress(OSError):
        os.utime(used)
        others = [f for f in used.parent.iterdir() if f.is_dir() and _FOLDER.fullmatch(f.name)]
        by_age = sorted(others, key=lambda folder: folder.stat().st_mtime, reverse=True)
        for folder in by_age[KEPT_NETWORKS:]:
            shutil.rmtree(folder, ignore_errors=True)


def compile_graph(core: Any, graph: Any, precision: str = "float32") -> CompiledGraph:
    """Compile for the CPU: smallest delay, as many threads as torch uses.

    Args:
        core: OpenVINO's.
        graph: A model.
        precision: `float32`, or `bfloat16` for what OpenVINO can compute in it.

    Returns:
        A function of the graph's inputs; what it returns is the caller's to keep. Not for two
        threads at once.

    Raises:
        EngineError: OpenVINO cannot compile it.
    """
    settings = {
        "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    try:
        compiled = core.compile_model(graph, "CPU", settings)
    except RuntimeError as exc:
        raise EngineError(f"OpenVINO cannot compile a graph: {_last_line(exc)}") from exc
    request = compiled.create_infer_request()
    outputs = range(len(compiled.outputs))

    def run(inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        request.infer([x.contiguous().numpy() for x in inputs], share_inputs=True)
        # Copies: the request's own buffers are overwritten by its next run.
        return tuple(
            torch.from_numpy(request.get_output_tensor(place).data.copy()) for place in outputs
        )

    return run


def _convert(name: str, module: nn.Module, inputs: tuple[Tensor, ...]) -> Any:
    openvino = import_openvino()
    failures = (
        openvino.frontend.GeneralFailure,
        openvino.frontend.NotImplementedFailure,
        openvino.frontend.OpConversionFailure,
        openvino.frontend.OpValidationFailure,
        RuntimeError,
    )
    try:
        graph = openvino.convert_model(torch.export.export(module.eval(), inputs))
        # Conversion leaves the shapes open; fixed ones compile to faster code.
        graph.reshape({place: list(x.shape) for place, x in enumerate(inputs)})
    except failures as exc:
        raise EngineError(f"OpenVINO cannot convert {name!r}: {_last_line(exc)}") from exc
    return graph


def _last_line(exc: Exception) -> str:
    return (str(exc).strip().splitlines() or [type(exc).__name__])[-1].strip()
