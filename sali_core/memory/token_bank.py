"""Memory of the authors' published code: tokens of all frames together, evicted one by one.

Not the bank of the paper: tokens leave by usage over life, at each scale alone, so the scales may
come to hold different frames, and a frame just written can vanish. It exists to compute what the
published network computes (network.md, `released`, items 2 and 6).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from sali_core.model.readout import top_affinity
from sali_core.types import FeaturePyramid, Projection

TOP_TOKENS = 20
_FIRST_LIFE = 1e-7


class _ScaleTokens:
    """Keys [Ck, N], values [Cv, N], usage [N] and life [N] of one scale."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        self.keys, self.values = keys, values
        self.usage = torch.zeros_like(keys[0])
        self.life = torch.full_like(keys[0], _FIRST_LIFE)

    def read(self, query: Tensor) -> Tensor:
        """Read [Cv, M] for queries [Ck, M]; counts usage and life."""
        scores = _scores(self.keys, query)
        readout, affinity = _read_top(scores, self.values)
        self.usage = self.usage + affinity
        self.life = self.life + 1
        return readout

    def append(self, other: _ScaleTokens) -> None:
        """Add another frame's tokens."""
        self.keys = torch.cat((self.keys, other.keys), 1)
        self.values = torch.cat((self.values, other.values), 1)
        self.usage = torch.cat((self.usage, other.usage))
        self.life = torch.cat((self.life, other.life))

    def cut(self, surplus: int) -> None:
        """Drop the `surplus` tokens of lowest usage over life, and all that tie with the last."""
        rate = self.usage / self.life
        limit = torch.topk(rate, surplus, largest=False).values[-1]
        kept = rate > limit
        self.keys, self.values = self.keys[:, kept], self.values[:, kept]
        self.usage, self.life = self.usage[kept], self.life[kept]


class TokenBank:
    """Token memory of one stream."""

    def __init__(self, capacity_frames: int = 35) -> None:
        self._capacity = capacity_frames
        self._scales: list[_ScaleTokens] = []
        self._cells: tuple[int, ...] = ()

    @property
    def token_counts(self) -> tuple[int, ...]:
        """Tokens held at each scale."""
        return tuple(scale.keys.shape[1] for scale in self._scales)

    @property
    def frames_held(self) -> int:
        """Frames' worth of tokens at stride 8, as the authors count the frames in memory."""
        return self.token_counts[0] // self._cells[0] if self._scales else 0

    def read(self, query: Projection) -> FeaturePyramid:
        """Return m_t = concat(readout, V) per scale, batch 1; a first frame reads itself."""
        memory = []
        for index, (key, value) in enumerate(zip(query.keys, query.values, strict=True)):
            flat = key[0].flatten(1)
            if self._scales:
                readout = self._scales[index].read(flat)
            else:
                readout, _ = _read_top(_scores(flat, flat), value[0].flatten(1))
            memory.append(torch.cat((readout.view_as(value[0])[None], value), 1))
        return cast(FeaturePyramid, tuple(memory))

    def write(self, keys: FeaturePyramid, values: FeaturePyramid) -> None:
        """Append a frame's tokens; cut the surplus when the bank was full before."""
        new = [
            _ScaleTokens(k[0].flatten(1), v[0].flatten(1))
            for k, v in zip(keys, values, strict=True)
        ]
        if not self._scales:
            self._scales = new
            self._cells = tuple(scale.keys.shape[1] for scale in new)
            return
        was_full = self.frames_held >= self._capacity
        for scale, added, cells in zip(self._scales, new, self._cells, strict=True):
            scale.append(added)
            surplus = scale.keys.shape[1] - self._capacity * cells
            if was_full and surplus > 0:
                scale.cut(surplus)


def _scores(keys: Tensor, query: Tensor) -> Tensor:
    """(2 <k, q> - |k|^2) / sqrt(Ck) for keys [Ck, N] and queries [Ck, M]: [M, N]."""
    # In place: a full bank has half a gigabyte of scores at stride 8. All queries in one product:
    # parts of it may round otherwise, which is enough to swap a query's 20th and 21st token.
    scores = 2 * query.T @ keys
    return scores.sub_(keys.square().sum(0)).div_(keys.shape[0] ** 0.5)


def _read_top(scores: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Read with each query's best tokens; return [Cv, M] and the attention each token received."""
    weights, places = top_affinity(scores, TOP_TOKENS)
    readout = (values[:, places] * weights).sum(2)
    received = torch.zeros(scores.shape[1], dtype=weights.dtype, device=weights.device)
    received.scatter_add_(0, places.flatten(), weights.flatten())
    return readout, received
