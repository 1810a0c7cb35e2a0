"""Memory banks of many streams on one device: allocated once, addressed by slot.

A slot holds what `MemoryBank` holds, in another order: every memory frame has a place of its own
with room for all its cells, foreground tokens first. A frame that enters overwrites the place of
the one that leaves, nothing moves; the tokens of a stream are brought together when they are
read, by an index that is computed from the counts. All of it has fixed shapes and happens on the
device: nothing is allocated for a bank after the start and nobody waits for a count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sali_core.config import MemoryConfig, ModelConfig
from sali_core.errors import EngineError
from sali_core.model.ragged import PADDING_SCORE, RaggedPlaces, RaggedTokens
from sali_core.model.readout import extend_keys
from sali_core.types import STRIDES, Projection

_EMPTY = -1
# Shares of a full bank that reads are padded to; few, so that a device sees few shapes.
_LEVELS = (1 / 16, 1 / 4, 1.0)
_WIDTH_STEP = 32


class _Scale(NamedTuple):
    """One scale of all slots; each has a spare place behind its frames' for what is not kept.

    Attributes:
        keys: [slots, places, cells, Ck + 1] extended keys.
        values: [slots, places, cells, Cv].
        counts: [slots, places] int64, foreground tokens.
        background: [slots, places, Cv] float32, sum of the background cells' values.
    """

    keys: Tensor
    values: Tensor
    counts: Tensor
    background: Tensor

    @property
    def cells(self) -> int:
        """Cells of one frame."""
        return self.keys.shape[2]


class BankPool:
    """Banks by slot number. One thread at a time; `release` alone may be called from any.

    The last slot, `scratch`, belongs to nobody: rows that fill up a batch use it.
    """

    def __init__(
        self,
        config: ModelConfig,
        memory: MemoryConfig,
        *,
        slots: int,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Allocate.

        Args:
            config: Of the network.
            memory: Bank size and what counts as background.
            slots: Streams at once.
            device: Where.
            dtype: Of keys and values.
        """
        self._config, self._memory = config, memory
        self.scratch = slots
        self._free = deque(range(slots))
        places = memory.capacity_frames + 1
        sides = [-(-config.input_size // stride) for stride in STRIDES]
        shape = (slots + 1, places)

        def zeros(*size: int, kind: torch.dtype = dtype) -> Tensor:
            return torch.zeros(*shape, *size, dtype=kind, device=device)

        self._numbers = zeros(kind=torch.int64).fill_(_EMPTY)
        ck, cv = config.key_channels, config.value_channels
        self._scales = tuple(
            _Scale(
                zeros(side * side, ck + 1),
                zeros(side * side, cv),
                zeros(kind=torch.int64),
                zeros(cv, kind=torch.float32),
            )
            for side in (sides if config.uses_lim else ())
        )
        self.totals = torch.zeros(slots + 1, len(STRIDES), dtype=torch.int64, device=device)
        """Foreground tokens of each slot and scale after the last write."""

    @staticmethod
    def slot_bytes(config: ModelConfig, memory: MemoryConfig) -> int:
        """Device memory of one slot in float32."""
        if not config.uses_lim:
            return 0
        cells = sum((-(-config.input_size // stride)) ** 2 for stride in STRIDES)
        width = config.key_channels + 1 + config.value_channels
        return 4 * width * cells * (memory.capacity_frames + 1)

    def acquire(self) -> int:
        """Return a free slot; what it holds is forgotten by the first `begin`.

        Raises:
            EngineError: All are in use.
        """
        try:
            return self._free.popleft()
        except IndexError:
            raise EngineError(
                f"all {self.scratch} places for streams on this device are in use; "
                "end a session or start another worker"
            ) from None

    def release(self, slot: int) -> None:
        """Give a slot back."""
        self._free.append(slot)

    def widths(self) -> list[tuple[int, ...]]:
        """Tokens of each scale that reads are padded to, ascending, the last for full banks."""
        spare = int(self._config.masks_keys)
        levels = []
        for share in _LEVELS:
            wanted = [
                max(scale.cells, round(self._memory.capacity_frames * scale.cells * share)) + spare
                for scale in self._scales
            ]
            levels.append(tuple(n + -n % _WIDTH_STEP for n in wanted))
        return list(dict.fromkeys(levels))

    def level_for(self, totals: Sequence[Sequence[int]]) -> int:
        """Return the place in `widths` that is wide enough for banks of so many tokens.

        Args:
            totals: Foreground tokens of each scale, per stream; a stream that has seen nothing
                needs a frame's cells, which every level has.
        """
        spare = int(self._config.masks_keys)
        most = [max(counts) + spare for counts in zip(*totals, strict=True)]
        for level, widths in enumerate(self.widths()):
            if all(need <= width for need, width in zip(most, widths, strict=False)):
                return level
        raise AssertionError("a bank holds more than its capacity")

    def begin(self, slots: Tensor, is_fresh: Tensor, query: Projection) -> None:
        """Empty the banks of new streams; an empty bank is lent its own frame, unmasked, to read.

        Args:
            slots: [B] int64.
            is_fresh: [B] bool: streams before their first frame.
            query: K_Q and V_Q, [B, ...]. The loan is overwritten when the frame is written.
        """
        numbers = self._numbers[slots]
        self._numbers[slots] = numbers.masked_fill(is_fresh[:, None], _EMPTY)
        places = torch.where(is_fresh, 0, self._memory.capacity_frames)
        self._numbers[slots, places] = torch.where(is_fresh, 0, _EMPTY)
        for scale, key, value in zip(self._scales, query.keys, query.values, strict=True):
            flat = value.flatten(2).transpose(1, 2)
            scale.keys[slots, places] = extend_keys(key.flatten(2).transpose(1, 2))
            scale.values[slots, places] = flat
            scale.counts[slots, places] = torch.full_like(slots, scale.cells)
            scale.background[slots, places] = flat.new_zeros(len(slots), flat.shape[2]).float()

    def tokens(self, scale: int, slots: Tensor, width: int) -> RaggedTokens:
        """Bring together all tokens of some streams at one scale: background, then foreground.

        Args:
            scale: 0 to 2.
            slots: [B] int64, all with a frame.
            width: Padded to; at least what each bank holds (`level_for`).
        """
        store = self._scales[scale]
        held = self._held(slots)
        spare = int(self._config.masks_keys)
        rows, frames, is_token = self._places(store, slots, width - spare)
        keys, values = self._padded_keys(store, rows, is_token), store.values.flatten(0, 2)[rows]
        order = torch.arange(self._memory.capacity_frames, device=slots.device)
        shares = ((frames[..., None] == order) & is_token[..., None]).to(values.dtype)
        if not spare:
            return RaggedTokens(keys, values, shares)
        counts = (store.cells - store.counts[slots, :-1]) * held
        count = counts.sum(1)
        sums = torch.where(held[..., None], store.background[slots, :-1], 0.0).sum(1)
        many = count.clamp(min=1)[:, None]
        score = torch.where(count > 0, count.clamp(min=1).float().log(), PADDING_SCORE)
        ahead = F.pad(score[:, None].to(keys.dtype), (keys.shape[-1] - 1, 0))
        return RaggedTokens(
            torch.cat((ahead[:, None], keys), 1),
            torch.cat(((sums / many).to(values.dtype)[:, None], values), 1),
            torch.cat(((counts / many).to(values.dtype)[:, None], shares), 1),
        )

    def places(self, scale: int, slots: Tensor, width: int) -> RaggedPlaces:
        """Return the same for reads of the best tokens: keys, and where the values stand."""
        store = self._scales[scale]
        rows, frames, is_token = self._places(store, slots, width)
        return RaggedPlaces(
            self._padded_keys(store, rows, is_token),
            rows,
            store.values.flatten(0, 2),
            frames,
            self._memory.capacity_frames,
        )

    def write(
        self,
        slots: Tensor,
        is_due: Tensor,
        numbers: Tensor,
        query: Projection,
        remembered: Tensor,
        received: Tensor,
    ) -> None:
        """Add a frame to the banks where one is due; a full bank loses its least relevant frame.

        Args:
            slots: [B] int64.
            is_due: [B] bool; other rows keep their banks.
            numbers: [B] int64, of the frames in their streams.
            query: Keys and values that become memory, [B, ...].
            remembered: P_M at model size, [B, H, W], in [0, 1]; resized by area to each scale.
            received: [B, F], attention that each place's frame received in this frame's read.
        """
        is_first = numbers == 0  # whatever its bank holds was lent to it
        places = torch.where(is_first, 0, self._leaving(slots, received))
        places = torch.where(is_due, places, self._memory.capacity_frames)
        self._numbers[slots, places] = torch.where(is_due, numbers, _EMPTY)
        masks = remembered[:, None].to(query.values[0].dtype)
        for scale, key, value in zip(self._scales, query.keys, query.values, strict=True):
            small = F.interpolate(masks, key.shape[2:], mode="area").flatten(1)
            self._put(scale, slots, places, key, value, small)
        held = self._held(slots)
        counts = [(scale.counts[slots, :-1] * held).sum(1) for scale in self._scales]
        self.totals[slots] = torch.stack(counts, 1)

    def frame_numbers(self, slot: int) -> tuple[int, ...]:
        """Numbers of the frames a slot holds, oldest first; waits for the device."""
        return tuple(sorted(n for n in self._numbers[slot, :-1].tolist() if n != _EMPTY))

    def numbers(self, slots: Tensor) -> Tensor:
        """Return a copy of the frame numbers of some slots' places, [B, F]; negative: empty."""
        return self._numbers[slots, :-1]

    def contents(self) -> tuple[Tensor, ...]:
        """Keys, values and background sums of all slots, for inspection."""
        return tuple(x for s in self._scales for x in (s.keys, s.values, s.background))

    def _held(self, slots: Tensor) -> Tensor:
        """Which places hold a frame: [B, F] bool."""
        return self._numbers[slots, :-1] != _EMPTY

    def _leaving(self, slots: Tensor, received: Tensor) -> Tensor:
        """The first empty place of each bank, or that of the least relevant frame, oldest first."""
        numbers = self._numbers[slots, :-1]
        relevance = torch.where(numbers == _EMPTY, -1.0, received)
        least = relevance == relevance.amin(1, keepdim=True)
        return torch.where(least, numbers, torch.iinfo(torch.int64).max).argmin(1)

    def _places(self, store: _Scale, slots: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
        """Row, memory frame and whether it is a token, of each position [B, width]."""
        counts = store.counts[slots, :-1] * self._held(slots)
        ends = counts.cumsum(1)
        position = torch.arange(width, device=slots.device).expand(len(slots), -1).contiguous()
        is_token = position < ends[:, -1:]
        frames = torch.searchsorted(ends, position, right=True)
        # Padding stands for the first cell at place 0, which is always of this very stream.
        frames = torch.where(is_token, frames, 0)
        offset = position - (ends - counts).gather(1, frames)
        offset = torch.where(is_token, offset, 0)
        place = slots[:, None] * store.keys.shape[1] + frames
        return place * store.cells + offset, frames, is_token

    def _padded_keys(self, store: _Scale, rows: Tensor, is_token: Tensor) -> Tensor:
        keys = store.keys.flatten(0, 2)[rows] * is_token[..., None]
        padding = torch.where(is_token, 0.0, PADDING_SCORE).to(keys.dtype)
        return torch.cat((keys[..., :-1], keys[..., -1:] + padding[..., None]), -1)

    def _put(
        self,
        scale: _Scale,
        slots: Tensor,
        places: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor,
    ) -> None:
        """Write one scale of frames into their places, foreground cells first."""
        keys, values = key.flatten(2).transpose(1, 2), value.flatten(2).transpose(1, 2)
        foreground = torch.ones_like(mask, dtype=torch.bool)
        if self._config.masks_keys:
            keys = keys * mask[..., None]
            foreground = mask > self._memory.collapse_below
        # Foreground cells from the front, background from behind: no two share a target.
        front = foreground.cumsum(1) - 1
        behind = scale.cells - (~foreground).cumsum(1)
        target = torch.where(foreground, front, behind)[..., None]
        ordered = extend_keys(keys)
        ordered = torch.zeros_like(ordered).scatter_(1, target.expand_as(ordered), ordered)
        moved = torch.zeros_like(values).scatter_(1, target.expand_as(values), values)
        scale.keys[slots, places] = ordered
        scale.values[slots, places] = moved
        scale.counts[slots, places] = foreground.sum(1)
        scale.background[slots, places] = (values * ~foreground[..., None]).float().sum(1)
