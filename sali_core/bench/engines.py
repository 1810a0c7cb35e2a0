"""Which engines there are to compare on a device."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sali_core.config import ModelConfig
from sali_core.engine import available_engines
from sali_core.errors import ConfigError


def list_engines(config: ModelConfig, device: torch.device) -> list[str]:
    """Names of the engines that can run a network on a device; `eager`, the yardstick, first."""
    names = [choice.name for choice in available_engines(device, config)]
    return sorted(names, key=lambda name: name != "eager")


def choose_engines(there: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Return the wanted engines; if none is named, all that start without compiling for minutes.

    Raises:
        ConfigError: One is not there; the text names those that are.
    """
    for name in wanted:
        if name not in there:
            raise ConfigError(
                f"engine {name!r} is unknown or cannot run this network here; "
                f"there are: {', '.join(there)}"
            )
    return list(wanted or [name for name in there if not name.startswith("compiled")])
