"""Where a bank keeps its tokens: one block of memory per scale, allocated once.

Readers get views; a write moves tokens within the block. Every token is held once, and after the
first write nothing of the bank's size is allocated but the index of keys that reads of the best
tokens use on CPUs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sali_core.model.nearest import NearestKeys
from sali_core.model.readout import MemoryTokens

# Tokens moved at a time, through a copy: source and target overlap.
_ROWS_MOVED = 4096


class TokenStore:
    """Tokens of one scale, oldest frame first; in front, room for the background's token.

    Owned by a `MemoryBank`. What `tokens` returns is a view that the next write changes.
    """

    def __init__(
        self, keys: Tensor, values: Tensor, *, capacity: int, key_width: int, indexed: bool = False
    ) -> None:
        """Allocate; memory that is never written is never touched.

        Args:
            keys: [n, Ck + 1] extended keys, for their dtype and device.
            values: [n, Cv], for their width, dtype and device.
            capacity: Most foreground tokens held at once.
            key_width: Channels kept of each key, at least Ck + 1; the others are 0.
            indexed: Whether `tokens` carries an index of its keys, made at the first use after a
                write; then there is never a background.
        """
        self._keys = keys.new_empty(1 + capacity, key_width)
        self._values = values.new_empty(1 + capacity, values.shape[1])
        self._key_channels = keys.shape[1]
        self._counts: list[int] = []
        self._has_background = False
        self._indexed = indexed
        self._index: NearestKeys | None = None

    @property
    def counts(self) -> tuple[int, ...]:
        """Foreground tokens of each frame, oldest first."""
        return tuple(self._counts)

    @property
    def tokens(self) -> MemoryTokens:
        """All tokens, batch 1: the background's where there is one, then the frames'."""
        held = slice(0 if self._has_background else 1, 1 + sum(self._counts))
        if self._indexed and self._index is None:
            self._index = NearestKeys(self._keys[held, : self._key_channels - 1])
        return MemoryTokens(self._keys[None, held], self._values[None, held], self._index)

    def append(self, keys: Tensor, values: Tensor) -> None:
        """Add a frame's foreground tokens, [n, Ck + 1] and [n, Cv]."""
        begin = 1 + sum(self._counts)
        end = begin + len(keys)
        self._keys[begin:end, : keys.shape[1]] = keys
        self._keys[begin:end, keys.shape[1] :] = 0
        self._values[begin:end] = values
        self._counts.append(len(keys))
        self._index = None

    def drop(self, place: int) -> None:
        """Remove the frame at this place in the order; those behind it close the gap."""
        begin = 1 + sum(self._counts[:place])
        end = 1 + sum(self._counts)
        gap = self._counts.pop(place)
        self._index = None
        if not gap:
            return
        for start in range(begin + gap, end, _ROWS_MOVED):
            stop = min(start + _ROWS_MOVED, end)
            for buffer in (self._keys, self._values):
                buffer[start - gap : stop - gap] = buffer[start:stop].clone()

    def set_background(self, count: int, total: Tensor) -> None:
        """Make one token of all background cells: key 0, log(count) on its score, their mean.

        Args:
            count: Cells; none for 0.
            total: [Cv], sum of their values.
        """
        self._has_background = count > 0
        if count:
            self._keys[0] = 0
            self._keys[0, self._key_channels - 1] = float(torch.tensor(count).log())
            self._values[0] = (total / count).to(self._values.dtype)
