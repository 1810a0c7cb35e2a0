"""Builds the network a configuration describes."""

from __future__ import annotations

from sali_core.config import ModelConfig
from sali_core.model.network import SaliNetwork
from sali_core.model.released.network import ReleasedNetwork

Network = SaliNetwork | ReleasedNetwork


def create_network(config: ModelConfig) -> Network:
    """Return a network with random weights, in training mode, on the CPU.

    Raises:
        ConfigError: The backbone is unknown or lacks a stride.
    """
    return ReleasedNetwork(config) if config.topology == "released" else SaliNetwork(config)
