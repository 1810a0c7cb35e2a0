"""Validates the averaged weights on single pictures and keeps the best as a weights file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from sali_core.config import ModelConfig
from sali_core.data.pictures import Pictures, spread
from sali_core.evaluation.single_frames import score_single_frames
from sali_core.model.build import Network, create_network
from sali_core.model.readout import MemoryTokens
from sali_core.types import FeaturePyramid, StepOutput
from sali_core.weights.store import WeightsHeader, save_weights

# Where there is nothing to validate on.
_THRESHOLD = 0.5


class Validator:
    """Owns a second network, in inference mode, that is given the weights to judge."""

    def __init__(
        self,
        config: ModelConfig,
        device: torch.device,
        pictures: Pictures | None,
        *,
        most: int,
    ) -> None:
        """Prepare.

        Args:
            config: Of the network.
            device: Where to run it.
            pictures: With truth; None: weights are written unjudged.
            most: Pictures to score, evenly spread; 0 for all.
        """
        self._network = create_network(config).to(device).eval()
        self._device = device
        self._pictures = pictures
        total = len(pictures) if pictures else 0
        count = min(most or total, total)
        self._indices = spread(total, count)

    def judge(self, state: Mapping[str, Tensor]) -> tuple[float, float] | None:
        """Load weights; return (Dice, threshold of the best Dice), or None without pictures."""
        self._network.load_state_dict(state)
        if self._pictures is None:
            return None
        scores = score_single_frames(
            _OnDevice(self._network, self._device), self._pictures, indices=self._indices
        )
        return scores.at(scores.best_threshold)[0], scores.best_threshold

    def write(self, path: Path, name: str, profile: str, threshold: float | None) -> None:
        """Write the weights that were judged last.

        Raises:
            CheckpointError: The file cannot be written, or a weight is not finite.
        """
        chosen = _THRESHOLD if threshold is None else threshold
        save_weights(
            path, self._network, WeightsHeader(name, profile, chosen, self._network.config)
        )


class _OnDevice:
    """A network that takes frames from the CPU."""

    def __init__(self, network: Network, device: torch.device) -> None:
        self._network = network
        self._device = device

    @property
    def config(self) -> ModelConfig:
        return self._network.config

    def __call__(
        self, rgb: Tensor, previous: FeaturePyramid | None, tokens: tuple[MemoryTokens, ...] | None
    ) -> StepOutput:
        output: StepOutput = self._network(rgb.to(self._device), previous, tokens)
        return output
