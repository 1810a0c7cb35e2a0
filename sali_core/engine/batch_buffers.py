"""Where a batch of one size stands between its parts: on the device, allocated once.

A row of `inputs` is 4 int64 (slot, number of the frame, whether it is remembered, whether the
stream is new) and the frame's bytes; a row of `outputs` is logits, probability and mask. Each way
is one copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sali_core.config import MemoryConfig, ModelConfig
from sali_core.types import STRIDES, FeaturePyramid, Projection, StepResult

_HEAD_BYTES = 4 * 8
_ALIGNMENT = 8


class Row(NamedTuple):
    """What is told of a stream beside its picture."""

    slot: int
    number: int
    is_due: bool
    is_fresh: bool


class BatchBuffers:
    """Static tensors of batches of `size` streams; views of them never move."""

    def __init__(
        self, size: int, config: ModelConfig, memory: MemoryConfig, device: torch.device
    ) -> None:
        """Allocate; host memory is pinned where the device is a GPU."""
        side = config.input_size
        self.size, self._side = size, side
        self._pinned = device.type == "cuda"
        self._device = device

        def new(*shape: int, kind: torch.dtype = torch.float32, on_host: bool = False) -> Tensor:
            pinned = on_host and self._pinned
            where = torch.device("cpu") if on_host else device
            return torch.zeros(size, *shape, dtype=kind, device=where, pin_memory=pinned)

        row_in = _aligned(_HEAD_BYTES + 3 * side * side)
        self.inputs = new(row_in, kind=torch.uint8)
        self._staged = new(row_in, kind=torch.uint8, on_host=True)
        self.outputs = new(_aligned(9 * side * side), kind=torch.uint8)
        self.masks = new(side, side, kind=torch.bool)
        self._staged_masks = new(side, side, kind=torch.bool, on_host=True)
        self.remembered = new(side, side)
        cells = [-(-side // stride) for stride in STRIDES]
        if config.uses_lim:
            self.memory = Projection(
                _pyramid([new(config.key_channels, n, n) for n in cells]),
                _pyramid([new(config.value_channels, n, n) for n in cells]),
            )
        self.received = new(memory.capacity_frames)

    @property
    def slots(self) -> Tensor:
        """[B] int64."""
        return self._head[:, 0]

    @property
    def numbers(self) -> Tensor:
        """[B] int64."""
        return self._head[:, 1]

    @property
    def is_due(self) -> Tensor:
        """[B] bool."""
        return self._head[:, 2] != 0

    @property
    def is_fresh(self) -> Tensor:
        """[B] bool."""
        return self._head[:, 3] != 0

    @property
    def rgb(self) -> Tensor:
        """[B, 3, H, W] uint8, contiguous."""
        return _pictures(self.inputs, self._side).permute(0, 3, 1, 2).contiguous()

    @property
    def _head(self) -> Tensor:
        return self.inputs[:, :_HEAD_BYTES].view(torch.int64)

    def bring(self, rows: Sequence[Row], frames: Sequence[npt.NDArray[np.uint8]]) -> None:
        """Bring rows and pictures to the device by one copy; rows without a picture stay as is.

        Must not be called before the results of the batch before were waited for.
        """
        head = self._staged[:, :_HEAD_BYTES].view(torch.int64).numpy()
        pictures = _pictures(self._staged, self._side).numpy()
        for place, row in enumerate(rows):
            head[place] = row
        for place, frame in enumerate(frames):
            pictures[place] = frame
        self.inputs.copy_(self._staged, non_blocking=True)

    def bring_masks(self, masks: Sequence[npt.NDArray[np.bool_]]) -> None:
        """Bring masks that the host decided on to the device; they are what is remembered."""
        staged = self._staged_masks.numpy()
        for place, mask in enumerate(masks):
            staged[place] = mask
        self.masks.copy_(self._staged_masks, non_blocking=True)
        self.remembered.copy_(self.masks)

    def tell(self, logits: Tensor, probability: Tensor, mask: Tensor) -> None:
        """Lay out a batch's maps [B, H, W] for the way back."""
        pixels = self._side**2
        as_floats = self.outputs[:, : 8 * pixels].view(torch.float32)
        as_floats[:, :pixels] = logits.flatten(1)
        as_floats[:, pixels:] = probability.flatten(1)
        self.outputs[:, 8 * pixels : 9 * pixels] = mask.flatten(1)

    def send(self, count: int) -> Tensor:
        """Start the copy of the first rows to the host; the caller waits, then `results`."""
        host = torch.empty(count, self.outputs.shape[1], dtype=torch.uint8, pin_memory=self._pinned)
        return host.copy_(self.outputs[:count], non_blocking=True)

    def results(self, host: Tensor) -> list[StepResult]:
        """Read what `send` brought: views of it, valid as long as they are held."""
        side, pixels = self._side, self._side**2
        found = []
        for row in host.numpy():
            maps = row[: 8 * pixels].view(np.float32).reshape(2, side, side)
            mask = row[8 * pixels : 9 * pixels].view(np.bool_).reshape(side, side)
            found.append(StepResult(maps[0], maps[1], mask))
        return found


def _pictures(rows: Tensor, side: int) -> Tensor:
    """The frames [B, H, W, 3] of rows of input, a view."""
    return rows[:, _HEAD_BYTES : _HEAD_BYTES + 3 * side * side].view(-1, side, side, 3)


def _aligned(size: int) -> int:
    return size + -size % _ALIGNMENT


def _pyramid(maps: Sequence[Tensor]) -> FeaturePyramid:
    return (maps[0], maps[1], maps[2])
