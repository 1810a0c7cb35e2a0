"""Which engines there are to compare on a device."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import torch

from sali_core.errors import ConfigError
from sali_core.model.build import Network
from sali_core.model.network import SaliNetwork


def list_engines(network: Network, device: torch.device) -> list[str]:
    """Names of the engines that can run a network on a device, `eager` first."""
    names = ["eager"]
    runs_on_openvino = isinstance(network, SaliNetwork) and network.config.uses_lim
    if device.type == "cpu" and runs_on_openvino and importlib.util.find_spec("openvino"):
        names.append("openvino")
    return names


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
