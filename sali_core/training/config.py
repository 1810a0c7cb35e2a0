"""How to train: optimiser, schedule, batches, validation and what frames find in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sali_core.errors import ConfigError
from sali_core.training.memory_kinds import MemoryMix

SCHEDULES = ("cosine", "constant")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Attributes:
        steps: Optimiser steps in all.
        epochs: Passes over the training pictures, instead of `steps`.
        batch: Clips per step, over all processes together.
        size: Height and width of training frames, pixels, a multiple of 32.
        lr: Peak learning rate of everything but the backbone.
        backbone_lr: Peak learning rate of the backbone.
        schedule: `constant`, or `cosine`: the rates fall to a hundredth.
        warm_up: Steps until the peak.
        weight_decay: Of Adam.
        clip_gradients: Largest absolute value of each entry of the gradient. Not of its norm: Adam
            divides by the gradient's size, and a weight decay that is added before (L2) would
            gain what the clipping takes; it then eats the pretrained backbone.
        drop_path: Stochastic depth in the backbone, share of dropped blocks at its end.
        average: Decay per step of the running mean of the weights; that mean is what is validated
            and kept as the result. 0: the weights themselves.
        freeze_backbone_norms: Keep the statistics of the backbone's batch norms.
        precision: `float32`, `bfloat16`, or `auto`: bfloat16 on a GPU, float32 on a CPU.
        validate_every: Steps between validations.
        validate_pictures: Pictures per validation, evenly spread and the same each time; 0: all.
        save_every: Steps between saves of `last.pt`, from which a killed run goes on.
        workers: Processes that prepare clips; 0: the training process does.
        seed: Of weights, clips and memory kinds.
        memory: What frames find in memory.
    """

    steps: int = 2000
    epochs: float | None = None
    batch: int = 8
    size: int = 256
    lr: float = 1e-3
    backbone_lr: float = 3e-4
    schedule: str = "cosine"
    warm_up: int = 50
    weight_decay: float = 1e-4
    clip_gradients: float = 0.5
    drop_path: float = 0.0
    average: float = 0.998
    freeze_backbone_norms: bool = True
    precision: str = "auto"
    validate_every: int = 200
    validate_pictures: int = 64
    save_every: int = 50
    workers: int = 1
    seed: int = 0
    memory: MemoryMix = field(default_factory=MemoryMix)

    def __post_init__(self) -> None:
        if self.size % 32 or self.size <= 0:
            raise ConfigError(f"size must be a positive multiple of 32, got {self.size}")
        for names, allowed, rule in _RULES:
            for name in names:
                value = getattr(self, name)
                if value is not None and not allowed(value):
                    raise ConfigError(f"{name} must be {rule}, got {value!r}")


_RULES: tuple[tuple[tuple[str, ...], Callable[[Any], bool], str], ...] = (
    (("steps", "batch", "validate_every", "save_every"), lambda v: v >= 1, "at least 1"),
    (
        ("workers", "warm_up", "validate_pictures", "weight_decay", "seed"),
        lambda v: v >= 0,
        "at least 0",
    ),
    (("epochs", "lr", "backbone_lr", "clip_gradients"), lambda v: v > 0, "above 0"),
    (("average", "drop_path"), lambda v: 0 <= v < 1, "in [0, 1)"),
    (("schedule",), SCHEDULES.__contains__, f"one of {', '.join(SCHEDULES)}"),
    (("precision",), PRECISIONS.__contains__, f"one of {', '.join(PRECISIONS)}"),
)
