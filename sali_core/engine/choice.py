"""Which engines can run a network on a device, best first, each with its reason."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple

import torch

from sali_core.config import ModelConfig
from sali_core.errors import ConfigError

GPU_ENGINES = ("cuda-graphs", "eager", "compiled", "compiled-graphs")
ENGINES = ("eager", "openvino", "cuda-graphs", "compiled", "compiled-graphs")
PRECISIONS = ("auto", "float32", "bfloat16", "tf32", "float16")


class EngineChoice(NamedTuple):
    """An engine by its name, and what speaks for it."""

    name: str
    reason: str


def available_engines(device: torch.device, network: ModelConfig) -> tuple[EngineChoice, ...]:
    """List the engines usable with a network on a device; `auto` takes the first that starts.

    Args:
        device: Where it is to run.
        network: Its configuration; today every engine runs every network.
    """
    if device.type == "cuda":
        return (
            EngineChoice("cuda-graphs", "one launch a step: the GPU does not wait for Python"),
            EngineChoice("eager", "runs on every GPU"),
            EngineChoice("compiled", "torch.compile's kernels; minutes to start"),
            EngineChoice("compiled-graphs", "the same as one launch a step"),
        )
    if device.type != "cpu":
        return (EngineChoice("eager", "the device is neither a CPU nor a CUDA GPU"),)
    eager = EngineChoice("eager", "runs everywhere")
    if find_spec("openvino") is None:
        return (EngineChoice("eager", "OpenVINO is not installed"),)
    return (EngineChoice("openvino", "fastest on CPUs"), eager)


def pick_engines(
    device: torch.device, network: ModelConfig, wanted: str
) -> tuple[EngineChoice, ...]:
    """List the engines to try, in order, for `auto` or an engine's name.

    Raises:
        ConfigError: No such engine, or it cannot run here.
    """
    choices = available_engines(device, network)
    if wanted == "auto":
        return choices
    names = [choice.name for choice in choices]
    if wanted not in ENGINES:
        raise ConfigError(f"engine {wanted!r} is unknown; use auto, {', '.join(ENGINES)}")
    if wanted not in names:
        raise ConfigError(
            f"engine {wanted!r} cannot run on {str(device)!r} here "
            f"({choices[0].reason}); use auto or {', '.join(names)}"
        )
    return (EngineChoice(wanted, "asked for"),)


def pick_precision(wanted: str, engine: str, device: torch.device) -> str:
    """Return the precision an engine computes in.

    `auto` is float32 everywhere, on GPUs without TF32: bfloat16 moved logits by more than 2e-2
    wherever it was tried, so anything less must be asked for, and its results judged by who asks.
    On CPUs float16 is less exact and slower than float32 (ADR 0007).

    Raises:
        ConfigError: No such precision, or the engine does not have it on this device.
    """
    if wanted not in PRECISIONS:
        raise ConfigError(f"precision {wanted!r} is unknown; use {', '.join(PRECISIONS)}")
    if device.type == "cuda":
        return "float32" if wanted == "auto" else wanted
    if wanted in ("tf32", "float16"):
        raise ConfigError(f"precision {wanted!r} is of GPUs; this engine runs on {str(device)!r}")
    if wanted == "bfloat16" and engine != "openvino":
        raise ConfigError(
            f"engine {engine!r} computes in float32 here; bfloat16 is OpenVINO's, on CPUs"
        )
    return "float32" if wanted == "auto" else wanted
