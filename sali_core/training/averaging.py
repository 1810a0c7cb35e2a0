"""The running mean of the weights: steadier than the weights themselves, and what is kept."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a network's state."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Start from the network as it is.

        Args:
            network: Its state is copied.
            decay: Per step, in [0, 1); 0 follows the weights exactly.
        """
        self._decay = decay
        self.state: dict[str, Tensor] = {
            name: value.detach().clone() for name, value in network.state_dict().items()
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a saved mean.

        Raises:
            KeyError: A name is missing in it.
        """
        for name, value in self.state.items():
            value.copy_(state[name])

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after step `step` (counted from 0)."""
        # The first steps count more: a fixed decay would keep the random start for long.
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)
