"""Memory bank of one stream: at most `capacity_frames` frames, the least relevant leaves first.

A frame is kept as its foreground tokens and, for all its background cells together, their count
and the sum of their values: background cells have the key 0 (readout.py), so this is exact. Where
keys are not masked (`without_ma`, `released`), every cell is a foreground token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from sali_core.config import MemoryConfig
from sali_core.errors import EmptyMemoryError
from sali_core.model.readout import MemoryTokens, attention_received, extend_keys
from sali_core.types import Projection


@dataclass(frozen=True)
class ScaleTokens:
    """One memory frame at one scale.

    Attributes:
        keys: [n, Ck + 1] extended masked keys of the n foreground cells.
        values: [n, Cv] their values.
        background_count: Cells whose mask is 0.
        background_sum: [Cv] float32, sum of those cells' values.
    """

    keys: Tensor
    values: Tensor
    background_count: int
    background_sum: Tensor


@dataclass(frozen=True)
class MemoryFrame:
    """A frame written to the bank: its number in the stream and its tokens per scale."""

    index: int
    scales: tuple[ScaleTokens, ScaleTokens, ScaleTokens]


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
        self._frames: list[MemoryFrame] = []
        self._tokens: tuple[MemoryTokens, ...] = ()

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def frame_indices(self) -> tuple[int, ...]:
        """Numbers of the frames held, oldest first; the same for every scale."""
        return tuple(frame.index for frame in self._frames)

    @property
    def tokens(self) -> tuple[MemoryTokens, ...]:
        """Tokens of each scale, batch 1: the background token of all frames, then foreground.

        Raises:
            EmptyMemoryError: Nothing was written yet.
        """
        if not self._frames:
            raise EmptyMemoryError("the memory bank is empty; the frame must read itself")
        return self._tokens

    def write(self, index: int, query: Projection, mask: Tensor) -> None:
        """Add a frame; when the bank was full, the frame least relevant to this one leaves.

        Args:
            index: The frame's number in its stream.
            query: K_Q and V_Q of the frame, batch 1; they become its K_M, V_M.
            mask: P_M at model size, [H, W], boolean or in [0, 1]; resized by area to each scale.
        """
        if len(self._frames) >= self._config.capacity_frames:
            del self._frames[int(self.relevance(query).argmin())]
        masks = mask[None, None].to(query.values[0].dtype)
        scales = tuple(
            self._scale_tokens(k[0], v[0], F.interpolate(masks, k.shape[2:], mode="area")[0, 0])
            for k, v in zip(query.keys, query.values, strict=True)
        )
        self._frames.append(
            MemoryFrame(index, cast(tuple[ScaleTokens, ScaleTokens, ScaleTokens], scales))
        )
        self._tokens = tuple(
            _join([frame.scales[scale] for frame in self._frames]) for scale in range(len(scales))
        )

    def relevance(self, query: Projection) -> Tensor:
        """Attention each held frame receives from this query: mean over cells, then scales.

        Returns:
            [frames held] float32, oldest first; sums to 1.

        Raises:
            EmptyMemoryError: Nothing was written yet.
        """
        per_scale = [
            _frame_attention(
                [frame.scales[scale] for frame in self._frames],
                attention_received(tokens, query.keys[scale], top_tokens=self._top_tokens)[0],
            )
            for scale, tokens in enumerate(self.tokens)
        ]
        return torch.stack(per_scale).mean(0)

    def _scale_tokens(self, key: Tensor, value: Tensor, mask: Tensor) -> ScaleTokens:
        """Keep one scale [Ck, h, w], [Cv, h, w] of a frame, its mask [h, w] at that scale."""
        flat_keys = key.flatten(1).T
        flat_values = value.flatten(1).T
        foreground = torch.ones_like(flat_values[:, 0], dtype=torch.bool)
        if self._masks_keys:
            flat_mask = mask.flatten()
            flat_keys = flat_keys * flat_mask[:, None]
            foreground = flat_mask > self._config.collapse_below
        background = flat_values[~foreground]
        return ScaleTokens(
            keys=extend_keys(flat_keys[foreground]),
            values=flat_values[foreground],
            background_count=background.shape[0],
            background_sum=background.float().sum(0),
        )


def _join(frames: list[ScaleTokens]) -> MemoryTokens:
    keys = torch.cat([frame.keys for frame in frames])
    values = torch.cat([frame.values for frame in frames])
    count = sum(frame.background_count for frame in frames)
    if count:
        total = torch.stack([frame.background_sum for frame in frames]).sum(0)
        key = keys.new_zeros(1, keys.shape[1])
        key[0, -1] = float(torch.tensor(count).log())
        keys = torch.cat((key, keys))
        values = torch.cat(((total / count)[None].to(values.dtype), values))
    return MemoryTokens(keys[None], values[None])


def _frame_attention(frames: list[ScaleTokens], received: Tensor) -> Tensor:
    counts = [frame.background_count for frame in frames]
    total = sum(counts)
    background = received[:1] if total else received.new_zeros(1)
    # The background token stands for cells of equal score: each frame gets its cells' share.
    share = background * torch.tensor(counts, device=received.device) / max(total, 1)
    foreground = torch.split(
        received[1 if total else 0 :], [frame.keys.shape[0] for frame in frames]
    )
    return share + torch.stack([part.sum() for part in foreground])
