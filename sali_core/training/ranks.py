"""The processes of one run: alone, or several started by torchrun."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import Sampler

from sali_core.engine.device import pick_device
from sali_core.errors import ConfigError

# The first process validates alone while the others wait for it.
_PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class Ranks:
    """Which process of how many this is; the first one writes files and validates."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def share(self, batch: int) -> int:
        """Return this process's part of a batch.

        Raises:
            ConfigError: The batch cannot be shared evenly.
        """
        if batch % self.size:
            raise ConfigError(f"batch {batch} cannot be shared evenly by {self.size} processes")
        return batch // self.size

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a detached tensor over all processes."""
        if self.size == 1:
            return value
        total = value.clone()
        dist.all_reduce(total)
        return total / self.size


@contextmanager
def open_ranks(device: str) -> Iterator[tuple[Ranks, torch.device]]:
    """Join the other processes of the run, where torchrun started several.

    Args:
        device: `auto`, `cpu`, `cuda` or `cuda:N`; each of several processes takes a GPU of its own.

    Raises:
        ConfigError: The device is not there, or torchrun's variables are not complete.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Ranks(), pick_device(device)
        return
    try:
        ranks = Ranks(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
        local = int(os.environ.get("LOCAL_RANK", os.environ["RANK"]))
    except (KeyError, ValueError) as exc:
        raise ConfigError(f"WORLD_SIZE is set, but not all of torchrun's others: {exc}") from None
    wants_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    chosen = pick_device(f"cuda:{local}" if wants_gpu else device)
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield ranks, chosen
    finally:
        dist.destroy_process_group()


class StepSampler(Sampler[int]):
    """Indices of one process's clips: of each step's batch, a stretch of its own.

    All processes together see the clips that one alone would.
    """

    def __init__(self, start_step: int, stop_step: int, batch: int, ranks: Ranks) -> None:
        share = ranks.share(batch)
        first = ranks.rank * share
        self._steps = range(start_step, stop_step)
        self._batch = batch
        self._own = range(first, first + share)

    def __iter__(self) -> Iterator[int]:
        return (step * self._batch + place for step in self._steps for place in self._own)

    def __len__(self) -> int:
        return len(self._steps) * len(self._own)
