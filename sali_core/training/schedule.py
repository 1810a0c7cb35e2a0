"""The optimiser and its learning rates over the run."""

from __future__ import annotations

import math

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
