"""Dense memory of one stream: a growing list of frames, concatenated at every read."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.bench.authors.parts import Maps


class FrameMemory:
    """Keys [Ck, cells] and values [Cv, cells] of every remembered frame, at each scale."""

    def __init__(self, capacity: int, *, masks_keys: bool, top: int | None) -> None:
        self.capacity = capacity
        self.masks_keys = masks_keys
        self.top = top
        self.numbers: list[int] = []
        self.keys: list[list[Tensor]] = [[], [], []]
        self.values: list[list[Tensor]] = [[], [], []]
        self.relevance: Tensor | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def to(self, dtype: torch.dtype) -> FrameMemory:
        """Return a copy with keys and values of another type."""
        other = FrameMemory(self.capacity, masks_keys=self.masks_keys, top=self.top)
        other.numbers = list(self.numbers)
        other.keys = [[x.to(dtype) for x in frames] for frames in self.keys]
        other.values = [[x.to(dtype) for x in frames] for frames in self.values]
        return other

    def read(self, keys: Maps, values: Maps) -> Maps:
        """Return concat(readout, V_Q) of each scale; a first frame reads itself, unmasked."""
        read, received = [], []
        for scale, (query, value) in enumerate(zip(keys, values, strict=True)):
            cells = query[0].flatten(1)
            if self.numbers:
                memory_keys = torch.cat(self.keys[scale], 1)
                memory_values = torch.cat(self.values[scale], 1)
            else:
                memory_keys, memory_values = cells, value[0].flatten(1)
            affinity = self._affinity(memory_keys, cells)
            readout = (affinity @ memory_values.T.to(affinity.dtype)).T
            read.append(torch.cat((readout.reshape(value.shape).to(value.dtype), value), 1))
            if len(self) == self.capacity:  # only a full bank evicts
                received.append(affinity.mean(0).reshape(len(self), -1).sum(1))
        self.relevance = torch.stack(received).mean(0) if received else None
        return read

    def _affinity(self, keys: Tensor, query: Tensor) -> Tensor:
        """Softmax over all tokens, or over each cell's best: [cells, tokens]."""
        scores = (2 * query.T @ keys - keys.square().sum(0)) / keys.shape[0] ** 0.5
        if self.top is None:
            return torch.softmax(scores, dim=1)
        best, places = torch.topk(scores, min(self.top, scores.shape[1]), dim=1)
        weights = torch.softmax(best, dim=1)
        return torch.zeros_like(scores, dtype=weights.dtype).scatter_(1, places, weights)

    def write(self, number: int, keys: Maps, values: Maps, mask: Tensor) -> None:
        """Remember a frame with its mask [H, W]; a full bank first loses the least relevant."""
        if self.relevance is not None:
            leaving = int(self.relevance.argmin())
            for kept in (self.numbers, *self.keys, *self.values):
                del kept[leaving]
        self.numbers.append(number)
        for scale, (key, value) in enumerate(zip(keys, values, strict=True)):
            if self.masks_keys:
                key = key * F.interpolate(
                    mask[None, None].to(key.dtype), key.shape[-2:], mode="area"
                )
            self.keys[scale].append(key[0].flatten(1))
            self.values[scale].append(value[0].flatten(1))
