"""Runs the network over a stream: one frame in, one result out, the memory kept in between."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sali_core.config import MemoryConfig, ModelConfig
from sali_core.memory.bank import MemoryBank
from sali_core.model.readout import MemoryTokens
from sali_core.stream.frames import frame_to_tensor
from sali_core.stream.masking import MaskRule
from sali_core.stream.memory_turn import take_turn
from sali_core.stream.state import StreamState
from sali_core.types import FeaturePyramid, MemoryReading, StepOutput, StepResult

# Share of a measured frame that is polyp.
_FOREGROUND = 0.1


class StreamNetwork(Protocol):
    """The step function of a network, however it is run (`SaliNetwork.forward`)."""

    @property
    def config(self) -> ModelConfig:
        """What network it is."""
        ...

    def __call__(
        self, rgb: Tensor, previous: FeaturePyramid | None, tokens: tuple[MemoryTokens, ...] | None
    ) -> StepOutput:
        """RGB [1, 3, H, W] uint8, f_{t-1} and memory to logits, f_t and what enters memory."""
        ...


class StreamSegmenter:
    """Steps streams through one shared network; holds no state of any stream."""

    def __init__(
        self,
        network: StreamNetwork,
        *,
        memory: MemoryConfig,
        threshold: float,
        peak_threshold: float | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Bind a network to a memory policy.

        Args:
            network: In inference mode (batch norms frozen).
            memory: Bank size and write interval.
            threshold: Fixed threshold on the probability (P5), chosen on validation data.
            peak_threshold: What the surest pixel of a new region must reach; see `MaskRule`.
            device: Where the network lives; CPU by default.
        """
        self._network = network
        self._memory = memory
        self._rule = MaskRule(threshold, peak_threshold)
        self._device = device or torch.device("cpu")

    def initial_state(self) -> StreamState:
        """Return the state of a stream that has seen nothing."""
        config = self._network.config
        bank = MemoryBank(self._memory, masks_keys=config.masks_keys, top_tokens=config.top_tokens)
        return StreamState(bank)

    @torch.inference_mode()
    def full_state(self) -> StreamState:
        """Return a state whose bank is full, to measure speed with; what it predicts means nothing.

        A black frame is held again and again, a tenth of it as foreground: more than a polyp
        takes as a rule, so that what is measured is not too good.
        """
        state = self.initial_state()
        size = self._network.config.input_size
        black = frame_to_tensor(np.zeros((size, size, 3), np.uint8), (size, size), self._device)
        output = self._network(black, None, None)
        mask = torch.zeros(size, size, dtype=torch.bool, device=self._device)
        side = round(size * _FOREGROUND**0.5)
        mask[:side, :side] = True
        if output.memory is not None:
            for index in range(self._memory.capacity_frames):
                state.bank.write(index, output.memory, mask)
        state.previous = output.features
        return state

    @torch.inference_mode()
    def step(self, state: StreamState, rgb: npt.NDArray[np.uint8]) -> StepResult:
        """Segment the next frame of a stream and update its state in place.

        Args:
            state: Of this stream alone.
            rgb: [H, W, 3] uint8, H = W = the network's input size.

        Raises:
            ShapeError: The frame has another shape or dtype; the state is unchanged.
        """
        size = self._network.config.input_size
        frame = frame_to_tensor(rgb, (size, size), self._device)
        tokens = state.bank.tokens if len(state.bank) else None
        output = self._network(frame, state.previous, tokens)
        logits = output.logits[0, 0].float()
        probability = torch.sigmoid(logits)
        mask = self._rule.apply(probability, state.mask)
        reading = self._answer(state, output)
        enters = take_turn(state, self._memory.write_every_frames)
        memory_frame = None
        if enters and output.memory is not None:
            memory_frame = state.frames_seen
            remembered = probability if self._memory.soft_masks else mask
            state.bank.write(state.frames_seen, output.memory, remembered)
        state.previous = output.features
        state.mask = mask
        state.frames_seen += 1
        return StepResult(
            logits.cpu().numpy(),
            probability.cpu().numpy(),
            mask.cpu().numpy(),
            memory_frame,
            reading,
        )

    @staticmethod
    def ask(state: StreamState) -> None:
        """Have the stream's next step tell what it reads from memory (`StepResult.reading`)."""
        state.is_asked = True

    @staticmethod
    def leave_out(state: StreamState) -> None:
        """Have the stream's next frame not enter memory; a later one makes up for it."""
        state.is_left_out = True

    @staticmethod
    def frames_held(state: StreamState) -> tuple[int, ...]:
        """Return the numbers of the frames in a stream's bank, oldest first."""
        return state.bank.frame_indices

    @staticmethod
    def _answer(state: StreamState, output: StepOutput) -> MemoryReading | None:
        """What the frame read, where somebody asked for it."""
        if not state.is_asked:
            return None
        state.is_asked = False
        if output.memory is None or not len(state.bank):
            return MemoryReading()
        return state.bank.read_out(output.memory)
