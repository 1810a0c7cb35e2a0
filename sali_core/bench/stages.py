"""One step of a stream, stage by stage, for networks whose parts can be called one by one.

encode   picture to f_t
relate   f_t, f_{t-1} to queries (`paper`); projections alone (`released`)
read     queries and memory to F_long
decode   F_long to logits; `released`: alignment and fusion, too
write    the frame into memory
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from sali_core.bench.timing import timed
from sali_core.config import MemoryConfig
from sali_core.errors import EmptyMemoryError
from sali_core.memory.bank import MemoryBank
from sali_core.model.build import Network
from sali_core.model.decoder import resize
from sali_core.model.network import SaliNetwork, read_scales
from sali_core.model.released.network import weigh_values
from sali_core.types import FeaturePyramid, Projection

STAGES = ("encode", "relate", "read", "decode", "write")
T = TypeVar("T")


class StageRunner(Protocol):
    """Calls a stage and does something about it: times it, counts its operations."""

    def __call__(self, stage: str, function: Callable[[], T]) -> T:
        """Return what the function returns."""
        ...


class StagedStream:
    """A stream whose bank fills with every frame, stepped in eager torch."""

    def __init__(
        self, network: Network, memory: MemoryConfig, threshold: float, device: torch.device
    ) -> None:
        """Bind; the network must have its memory (no ablation) and be on the device."""
        config = network.config
        self._network = network
        self._threshold = threshold
        self._device = device
        self._previous: FeaturePyramid | None = None
        self._last: tuple[Projection, Tensor] | None = None
        self._frames_seen = 0
        self._capacity = memory.capacity_frames
        self.bank = MemoryBank(memory, masks_keys=config.masks_keys, top_tokens=config.top_tokens)

    @torch.inference_mode()
    def fill(self) -> None:
        """Write the last frame's tokens again until the bank is full.

        Raises:
            EmptyMemoryError: No frame was stepped yet.
        """
        if self._last is None:
            raise EmptyMemoryError("step a frame before filling the bank with its tokens")
        while len(self.bank) < self._capacity:
            self.bank.write(len(self.bank), *self._last)

    @torch.inference_mode()
    def step(self, rgb: npt.NDArray[np.uint8], run: StageRunner) -> Tensor:
        """Step a frame [H, W, 3] uint8 through `run`; return logits [1, 1, H, W]."""
        network = self._network
        frame = torch.from_numpy(rgb.copy()).to(self._device).permute(2, 0, 1)[None]
        current = run("encode", lambda: network.encode(frame))
        previous = self._previous or current
        query = run("relate", lambda: self._relate(current, previous))
        tokens = self.bank.tokens if len(self.bank) else None
        top_tokens = network.config.top_tokens
        long = run("read", lambda: read_scales(tokens, query, top_tokens))
        logits, left = run("decode", lambda: self._decode(long, current, previous, query))
        mask = torch.sigmoid(logits[0, 0].float()) >= self._threshold
        run("write", lambda: self.bank.write(self._frames_seen, left, mask))
        self._last = (left, mask)
        self._previous = current
        self._frames_seen += 1
        return logits

    def _relate(self, current: FeaturePyramid, previous: FeaturePyramid) -> Projection:
        if isinstance(self._network, SaliNetwork):
            return self._network.relate(current, previous)
        return self._network.project(current)

    def _decode(
        self,
        long: FeaturePyramid,
        current: FeaturePyramid,
        previous: FeaturePyramid,
        query: Projection,
    ) -> tuple[Tensor, Projection]:
        """Logits at the input's size, and what enters memory."""
        size = (self._network.config.input_size,) * 2
        if isinstance(self._network, SaliNetwork):
            return self._network.decoder.mask_logits(long, size), query
        scores = self._network.segment(long, current, previous)
        return resize(scores.s3, size), Projection(query.keys, weigh_values(query.values, scores))


class StageTimes:
    """A `StageRunner` that keeps the time of every call, in ms."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.times_ms: dict[str, list[float]] = {stage: [] for stage in STAGES}

    def __call__(self, stage: str, function: Callable[[], T]) -> T:
        """Call and time."""
        result, ms = timed(function, self._device)
        self.times_ms[stage].append(ms)
        return result


class OperationCount:
    """A `StageRunner` that counts floating point operations: two per multiply-add.

    Counted are convolutions and matrix products, attention included; what they leave out
    (normalisation, activation, sampling, sorting) is small in operations, not always in time.
    """

    def __init__(self) -> None:
        self.operations: dict[str, int] = dict.fromkeys(STAGES, 0)

    def __call__(self, stage: str, function: Callable[[], T]) -> T:
        """Call and count."""
        # Written out: the counter does not know every fused kernel.
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            result = function()
        self.operations[stage] = counter.get_total_flops()
        return result


def call_stage(stage: str, function: Callable[[], T]) -> T:
    """A `StageRunner` that does nothing about it."""
    del stage
    return function()


def can_be_staged(network: nn.Module) -> bool:
    """Whether a network has all five stages: an ablation has not."""
    config = getattr(network, "config", None)
    return config is not None and config.ablation == "full"
