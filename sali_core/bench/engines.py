"""Which engines there are to compare on a device, and how one is started."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from sali_core.config import MemoryConfig, ModelConfig
from sali_core.engine import available_engines, create_engine
from sali_core.errors import ConfigError
from sali_core.stream.model import StreamModel

EXACT = "float32"


def list_engines(config: ModelConfig, device: torch.device) -> list[str]:
    """Names of the engines that can run a network on a device; `eager`, the yardstick, first."""
    names = [choice.name for choice in available_engines(device, config)]
    return sorted(names, key=lambda name: name != "eager")


def choose_engines(there: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return the wanted engines, all if none is named.

    Raises:
        ConfigError: One is not there; the text names those that are.
    """
    for name in wanted:
        if name not in there:
            raise ConfigError(
                f"engine {name!r} is unknown or cannot run this network here; "
                f"there are: {', '.join(there)}"
            )
    return list(wanted or there)


def engines_have_precisions() -> bool:
    """Whether engines can be asked to compute in another precision than float32."""
    return "precision" in inspect.signature(create_engine).parameters


def start_engine(
    weights: Path,
    device: str,
    engine: str,
    memory: MemoryConfig,
    *,
    precision: str | None = None,
) -> StreamModel:
    """Start an engine.

    Args:
        weights: A weights file.
        device: `auto`, `cpu`, `cuda`, `cuda:N`.
        engine: Its name, or `auto`.
        memory: Bank size and write interval.
        precision: `float32`, `bfloat16`, `float16`; None: the engine's own choice.

    Raises:
        CheckpointError: The weights cannot be used.
        ConfigError: The device, the engine or the precision is not there.
        EngineError: The engine cannot run this network.
    """
    options: dict[str, Any] = {}
    if engines_have_precisions() and precision is not None:
        options["precision"] = precision
    elif precision not in (None, EXACT):
        raise ConfigError(f"precision {precision!r}: engines compute in float32 only")
    return create_engine(weights, device, engine=engine, memory=memory, **options)
