"""Runs the network over a stream: one frame in, one result out, the memory kept in between."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sali_core.config import MemoryConfig
from sali_core.errors import ShapeError
from sali_core.memory.bank import MemoryBank
from sali_core.model.network import read_itself, read_scales
from sali_core.stream.state import StreamState
from sali_core.types import FeaturePyramid, Projection, StepResult


class StreamNetwork(Protocol):
    """The three dense parts of the network, however they are run."""

    def encode(self, rgb: Tensor) -> FeaturePyramid:
        """RGB [1, 3, H, W] uint8 to f_t."""
        ...

    def relate(self, current: FeaturePyramid, previous: FeaturePyramid) -> Projection:
        """f_t, f_{t-1} to K_Q, V_Q."""
        ...

    def mask_logits(self, long: FeaturePyramid) -> Tensor:
        """F_long to the mask's logits [1, 1, H, W]."""
        ...


class StreamSegmenter:
    """Steps streams through one shared network; holds no state of any stream."""

    def __init__(
        self,
        network: StreamNetwork,
        *,
        input_size: int,
        memory: MemoryConfig,
        threshold: float,
        device: torch.device | None = None,
    ) -> None:
        """Bind a network to a memory policy.

        Args:
            network: In inference mode (batch norms frozen).
            input_size: Height and width of the frames, pixels.
            memory: Bank size and write interval.
            threshold: Fixed threshold on the probability (P5), chosen on validation data.
            device: Where the network lives; CPU by default.
        """
        self._network = network
        self._size = input_size
        self._memory = memory
        self._threshold = threshold
        self._device = device or torch.device("cpu")

    def initial_state(self) -> StreamState:
        """Return the state of a stream that has seen nothing."""
        return StreamState(MemoryBank(self._memory))

    @torch.inference_mode()
    def step(self, state: StreamState, rgb: npt.NDArray[np.uint8]) -> StepResult:
        """Segment the next frame of a stream and update its state in place.

        Args:
            state: Of this stream alone.
            rgb: [H, W, 3] uint8, H = W = the network's input size.

        Raises:
            ShapeError: The frame has another shape or dtype; the state is unchanged.
        """
        expected = (self._size, self._size, 3)
        if rgb.shape != expected or rgb.dtype != np.uint8:
            raise ShapeError(
                f"frame is {rgb.dtype} {rgb.shape}, the network wants uint8 {expected}"
            )
        frame = torch.from_numpy(np.array(rgb)).to(self._device).permute(2, 0, 1)[None]
        current = self._network.encode(frame)
        query = self._network.relate(current, state.previous or current)
        long = read_scales(state.bank.tokens, query) if len(state.bank) else read_itself(query)
        logits = self._network.mask_logits(long)[0, 0].float()
        probability = torch.sigmoid(logits)
        mask = probability >= self._threshold
        if state.frames_seen % self._memory.write_every_frames == 0:
            state.bank.write(state.frames_seen, query, mask)
        state.previous = current
        state.frames_seen += 1
        return StepResult(logits.cpu().numpy(), probability.cpu().numpy(), mask.cpu().numpy())
