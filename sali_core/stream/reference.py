"""The authors' own evaluation of the `released` network: each frame is paired with the next one.

Not for live use: it looks one frame ahead and its memory evicts token by token. It exists so that
the authors' checkpoint gives the authors' results (network.md, `released`; ADR 0004).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from sali_core.config import MemoryConfig, ModelConfig
from sali_core.errors import ConfigError
from sali_core.memory.token_bank import TokenBank
from sali_core.model.decoder import resize
from sali_core.model.released.network import ReleasedNetwork, weigh_values
from sali_core.stream.frames import frame_to_tensor
from sali_core.types import FeaturePyramid


class ReferenceResult(NamedTuple):
    """What one frame of a clip gave, at model size.

    Attributes:
        logits: [H, W] float32.
        probability: [H, W] float32 in [0, 1].
        token_counts: Tokens held at strides 8, 16, 32 once this frame was dealt with.
        frames_held: Frames' worth of tokens at stride 8.
    """

    logits: npt.NDArray[np.float32]
    probability: npt.NDArray[np.float32]
    token_counts: tuple[int, ...]
    frames_held: int


class ReferenceSegmenter:
    """Runs whole clips through the `released` network as its authors' test loader does.

    Frame t's neighbour is t + 1; the last frame's is t - 1; a clip of one frame is its own. Every
    frame is encoded once; the features of three frames and the token memory are all that is kept,
    however long the clip. Holds no state of any clip.
    """

    def __init__(
        self,
        network: ReleasedNetwork,
        *,
        memory: MemoryConfig | None = None,
        device: torch.device | None = None,
    ) -> None:
        """Bind a network to a memory policy.

        Args:
            network: In inference mode, on `device`.
            memory: Capacity and write interval; 35 frames and 5 by default.
            device: Where the network lives; CPU by default.
        """
        self._network = network
        self._memory = memory or MemoryConfig()
        self._device = device or torch.device("cpu")

    def segment(self, frames: Iterable[npt.NDArray[np.uint8]]) -> Iterator[ReferenceResult]:
        """Yield the result of every frame of one clip, in order, one frame behind the reading.

        Args:
            frames: [H, W, 3] uint8 RGB each, H = W = the network's input size.

        Raises:
            ShapeError: A frame has another shape or dtype.
        """
        bank = TokenBank(self._memory.capacity_frames)
        encoded = (self._encode(frame) for frame in frames)
        previous: FeaturePyramid | None = None
        current = next(encoded, None)
        number = 0
        while current is not None:
            following = next(encoded, None)
            neighbour = following or previous or current
            is_due = number % self._memory.write_every_frames == 0
            yield self._step(bank, current, neighbour, is_due=is_due)
            previous, current = current, following
            number += 1

    @torch.inference_mode()
    def _encode(self, rgb: npt.NDArray[np.uint8]) -> FeaturePyramid:
        size = self._network.config.input_size
        frame = frame_to_tensor(rgb, (size, size), self._device)
        return self._network.encode(frame)

    @torch.inference_mode()
    def _step(
        self, bank: TokenBank, current: FeaturePyramid, neighbour: FeaturePyramid, *, is_due: bool
    ) -> ReferenceResult:
        query = self._network.project(current)
        scores = self._network.segment(bank.read(query), current, neighbour)
        if is_due:
            bank.write(query.keys, weigh_values(query.values, scores))
        size = self._network.config.input_size
        logits = resize(scores.s3, (size, size))[0, 0].float()
        probability = torch.sigmoid(logits)
        return ReferenceResult(
            logits.cpu().numpy(), probability.cpu().numpy(), bank.token_counts, bank.frames_held
        )


def require_released(config: ModelConfig, name: str) -> None:
    """Refuse weights that have no reference mode.

    Raises:
        ConfigError: They are not of the `released` topology; the text names the cure.
    """
    if config.topology != "released":
        raise ConfigError(
            f"mode 'reference' is for weights of the 'released' topology, and {name!r} is of "
            f"{config.topology!r}: that network needs no future frame; use mode 'live'"
        )
