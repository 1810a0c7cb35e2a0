"""Memory bank of one stream: at most `capacity_frames` frames, the least relevant leaves first.

A frame is kept as its foreground tokens and, for all its background cells together, their count
and the sum of their values: background cells have the key 0 (readout.py), so this is exact. Where
keys are not masked (`without_ma`, `released`), every cell is a foreground token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sali_core.config import MemoryConfig
from sali_core.errors import EmptyMemoryError
from sali_core.memory.token_store import TokenStore
from sali_core.model.readout import (
    MemoryTokens,
    attention_by_frame,
    attention_received,
    extend_keys,
)
from sali_core.types import MemoryReading, Projection


@dataclass(frozen=True)
class _Background:
    """Background cells of one memory frame at one scale.

    Attributes:
        count: How many.
        total: [Cv], sum of their values.
        foreground: [h, w] bool, the other cells.
    """

    count: int
    total: Tensor
    foreground: Tensor


class MemoryBank:
    """The memory of one stream. Owned by its `StreamState`; not for use by two threads at once."""

    def __init__(
        self, config: MemoryConfig, *, masks_keys: bool = True, top_tokens: int | None = None
    ) -> None:
        """Make an empty bank.

        Args:
            config: Size and what counts as background.
            masks_keys: Whether keys are multiplied by the predicted masks (Eq. 3).
            top_tokens: Tokens each query cell reads, as the network does; None for all.
        """
        self._config = config
        self._masks_keys = masks_keys
        self._top_tokens = top_tokens
        self._indices: list[int] = []
        self._stores: tuple[TokenStore, ...] = ()
        self._backgrounds: tuple[list[_Background], ...] = ()

    def __len__(self) -> int:
        return len(self._indices)

    @property
    def frame_indices(self) -> tuple[int, ...]:
        """Numbers of the frames held, oldest first; the same for every scale."""
        return tuple(self._indices)

    @property
    def tokens(self) -> tuple[MemoryTokens, ...]:
        """Tokens of each scale, batch 1: the background token of all frames, then foreground.

        They are views of the bank, to be read before the next write.

        Raises:
            EmptyMemoryError: Nothing was written yet.
        """
        if not self._indices:
            raise EmptyMemoryError("the memory bank is empty; the frame must read itself")
        return tuple(store.tokens for store in self._stores)

    def write(self, index: int, query: Projection, mask: Tensor) -> None:
        """Add a frame; when the bank was full, the frame least relevant to this one leaves.

        Args:
            index: The frame's number in its stream.
            query: K_Q and V_Q of the frame, batch 1; they become its K_M, V_M.
            mask: P_M at model size, [H, W], boolean or in [0, 1]; resized by area to each scale.
        """
        if len(self) >= self._config.capacity_frames:
            self._drop(int(self.relevance(query).argmin()))
        if not self._stores:
            self._stores = tuple(
                self._create_store(k, v) for k, v in zip(query.keys, query.values, strict=True)
            )
            self._backgrounds = tuple([] for _ in self._stores)
        masks = mask[None, None].to(query.values[0].dtype)
        for scale, (key, value) in enumerate(zip(query.keys, query.values, strict=True)):
            small = F.interpolate(masks, key.shape[2:], mode="area")[0, 0]
            self._append(scale, key[0], value[0], small)
        self._indices.append(index)

    def relevance(self, query: Projection) -> Tensor:
        """Attention each held frame receives from this query: mean over cells, then scales.

        Returns:
            [frames held] float32, oldest first; sums to 1.

        Raises:
            EmptyMemoryError: Nothing was written yet.
        """
        per_scale = [
            self._attention(scale, tokens, query.keys[scale])
            for scale, tokens in enumerate(self.tokens)
        ]
        return torch.stack(per_scale).mean(0)

    def read_out(self, query: Projection) -> MemoryReading:
        """Tell what a read with this query attends to, down to the cells of each frame.

        Returns:
            Of all frames held; the shares are those of `relevance`.

        Raises:
            EmptyMemoryError: Nothing was written yet.
        """
        maps = [
            _cell_attention(
                self._backgrounds[scale],
                attention_received(tokens, query.keys[scale], top_tokens=self._top_tokens)[0],
            )
            for scale, tokens in enumerate(self.tokens)
        ]
        rows, columns = maps[0].shape[1:]
        mean = torch.stack([_spread(scale, rows, columns) for scale in maps]).mean(0)
        shares = mean.sum((1, 2))
        return MemoryReading(self.frame_indices, shares.cpu().numpy(), mean.cpu().numpy())

    def _attention(self, scale: int, tokens: MemoryTokens, key: Tensor) -> Tensor:
        """Attention each held frame receives at one scale, mean over cells: [frames]."""
        counts = self._stores[scale].counts
        backgrounds = [background.count for background in self._backgrounds[scale]]
        if self._top_tokens is None:
            return attention_by_frame(tokens, key, _shares(backgrounds, counts).to(key.device))
        received = attention_received(tokens, key, top_tokens=self._top_tokens)[0]
        if sum(backgrounds):
            return received @ _shares(backgrounds, counts).to(key.device)
        return torch.stack([part.sum() for part in torch.split(received, list(counts))])

    def _create_store(self, key: Tensor, value: Tensor) -> TokenStore:
        """Room for all that the bank can hold of one scale, [1, Ck, h, w] and [1, Cv, h, w]."""
        example = extend_keys(key[0].flatten(1).T[:1])
        # Reads of all tokens use the fused kernel, which wants keys as wide as values.
        width = max(example.shape[1], value.shape[1] if self._top_tokens is None else 0)
        return TokenStore(
            example,
            value[0].flatten(1).T[:1],
            capacity=self._config.capacity_frames * key.shape[2] * key.shape[3],
            key_width=width,
            indexed=self._top_tokens is not None and not self._masks_keys and key.is_cpu,
        )

    def _append(self, scale: int, key: Tensor, value: Tensor, mask: Tensor) -> None:
        """Keep one scale [Ck, h, w], [Cv, h, w] of a frame, its mask [h, w] at that scale."""
        flat_keys = key.flatten(1).T
        flat_values = value.flatten(1).T
        foreground = torch.ones_like(flat_values[:, 0], dtype=torch.bool)
        if self._masks_keys:
            flat_mask = mask.flatten()
            flat_keys = flat_keys * flat_mask[:, None]
            foreground = flat_mask > self._config.collapse_below
        background = flat_values[~foreground]
        self._backgrounds[scale].append(
            _Background(
                background.shape[0], background.float().sum(0), foreground.view(key.shape[1:])
            )
        )
        self._stores[scale].append(extend_keys(flat_keys[foreground]), flat_values[foreground])
        self._join_background(scale)

    def _drop(self, place: int) -> None:
        """Remove a frame from all scales."""
        del self._indices[place]
        for store, backgrounds in zip(self._stores, self._backgrounds, strict=True):
            store.drop(place)
            del backgrounds[place]

    def _join_background(self, scale: int) -> None:
        held = self._backgrounds[scale]
        total = torch.stack([background.total for background in held]).sum(0)
        self._stores[scale].set_background(sum(b.count for b in held), total)


def _cell_attention(frames: list[_Background], received: Tensor) -> Tensor:
    """Attention of every cell of one scale, from that of its tokens [N]: [frames, h, w]."""
    foreground = torch.stack([frame.foreground for frame in frames])
    total = sum(frame.count for frame in frames)
    # The background token stands for cells of equal score: each has an equal part.
    background = received[0] / total if total else received.new_zeros(())
    cells = background.expand(foreground.shape).clone()
    cells[foreground] = received[1 if total else 0 :]
    return cells


def _spread(cells: Tensor, rows: int, columns: int) -> Tensor:
    """Cut each cell of maps [frames, h, w] into those of a finer grid; sums are kept."""
    row = torch.arange(rows, device=cells.device) * cells.shape[1] // rows
    column = torch.arange(columns, device=cells.device) * cells.shape[2] // columns
    parts = row.bincount()[:, None] * column.bincount()
    return (cells / parts)[:, row][:, :, column]


def _shares(backgrounds: Sequence[int], counts: Sequence[int]) -> Tensor:
    """By how much each token belongs to each frame, [N, F]: the background's, then the frames'.

    The background token stands for cells of equal score: each frame has its cells' share of it.
    """
    frames = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    foreground = F.one_hot(frames, len(counts)).float()
    total = sum(backgrounds)
    if not total:
        return foreground
    return torch.cat((torch.tensor(backgrounds)[None] / total, foreground))
