"""The optimiser and its learning rates over the run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from sali_core.model.build import Network
from sali_core.training.config import TrainConfig

_FLOOR = 0.01


def create_optimizer(network: Network, config: TrainConfig) -> torch.optim.Adam:
    """Return Adam with two groups: the backbone, then the rest."""
    backbone = list(network.encoder.backbone.parameters())
    known = {id(p) for p in backbone}
    rest = [p for p in network.parameters() if id(p) not in known]
    return torch.optim.Adam(
        [{"params": backbone}, {"params": rest}], lr=config.lr, weight_decay=config.weight_decay
    )


def load_optimizer(
    optimizer: torch.optim.Optimizer,
    state: Mapping[str, Any],
    network: Network,
    saved_names: Iterable[str],
) -> None:
    """Give an optimiser its saved state, parameter by parameter.

    torch keeps that state by place alone; here it goes by name, so that it survives a network
    whose parameters have come to be defined in another order.

    Args:
        optimizer: From `create_optimizer(network)`.
        state: Its saved state.
        network: As it is now.
        saved_names: Names of the saved network's state, in its order.

    Raises:
        KeyError: A parameter has no name among the saved ones.
        ValueError: The groups are of other sizes.
    """
    names = [name for name, _ in network.named_parameters()]
    own = set(names)
    saved_place = {
        name: k for k, name in enumerate(_in_groups(name for name in saved_names if name in own))
    }
    values = state["state"]
    moved = {
        k: values[saved_place[name]]
        for k, name in enumerate(_in_groups(names))
        if saved_place[name] in values
    }
    optimizer.load_state_dict({**state, "state": moved})


def _in_groups(names: Iterable[str]) -> list[str]:
    """Order names as the optimiser's groups do: the backbone's, then the rest."""
    return sorted(names, key=lambda name: not name.startswith("encoder.backbone."))


def set_rates(optimizer: torch.optim.Optimizer, step: int, config: TrainConfig) -> None:
    """Set learning rates and weight decay for step `step` (counted from 0)."""
    factor = rate_factor(step, config)
    peaks = (config.backbone_lr, config.lr)
    for group, peak in zip(optimizer.param_groups, peaks, strict=True):
        group["lr"] = peak * factor
        group["weight_decay"] = config.weight_decay


def rate_factor(step: int, config: TrainConfig) -> float:
    """Return the share of the peak rate at a step: rises over `warm_up`, then as scheduled."""
    if step < config.warm_up:
        return (step + 1) / config.warm_up
    if config.schedule == "constant":
        return 1.0
    progress = (step - config.warm_up) / max(config.steps - config.warm_up, 1)
    return _FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
