"""`last.pt`: all that a killed run needs to go on; the file appears whole or not at all."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sali_core.config import ModelConfig
from sali_core.errors import CheckpointError, ConfigError
from sali_core.training.failures import disk_full, is_disk_full

# A damaged file makes torch raise almost anything.
_DAMAGE = (
    AttributeError, ConfigError, EOFError, KeyError, OSError, RuntimeError, TypeError, ValueError,
    pickle.UnpicklingError,
)  # fmt: skip


@dataclass(frozen=True)
class RunState:
    """A run after some step.

    Attributes:
        network: State of the network.
        averaged: Running mean of it.
        optimizer: State of the optimiser.
        step: Steps done.
        best_dice: Best validation so far; -1 before the first.
        model: The network's configuration; None in files that did not keep it.
    """

    network: Mapping[str, Tensor]
    averaged: Mapping[str, Tensor]
    optimizer: dict[str, Any]
    step: int
    best_dice: float
    model: dict[str, Any] | None = None


def write_state(path: Path, state: RunState) -> None:
    """Write a state beside its place, then put it there.

    Raises:
        TrainingError: The disk is full; the file that was there stays.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            torch.save(vars(state), file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as exc:
        if is_disk_full(exc):
            raise disk_full(path.parent) from exc
        raise
    finally:
        partial.unlink(missing_ok=True)


def read_state(path: Path, config: ModelConfig) -> RunState:
    """Read a state onto the CPU.

    Args:
        path: Of `last.pt`.
        config: Of the network that is to go on.

    Raises:
        CheckpointError: The file is damaged or of another network; the text says what differs.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        # Runs older than the running mean of weights have none.
        saved.setdefault("averaged", saved["network"])
        state = RunState(**saved)
        other = ModelConfig.from_dict(state.model) if state.model else config
    except _DAMAGE as exc:
        raise cannot_go_on(path, exc) from exc
    if difference := other.difference(config):
        raise CheckpointError(
            f"{path} is of another network: {difference}; choose another --out, or its settings"
        )
    return state


def cannot_go_on(path: Path, cause: Exception) -> CheckpointError:
    """Return the error for a state that does not fit."""
    reason = " ".join(str(cause).split())[:200] or type(cause).__name__
    return CheckpointError(f"{path}: cannot go on from it: {reason}; choose another --out")
