"""What frames leave for their successors, of many streams on one device."""

from __future__ import annotations

import torch
from torch import Tensor

from sali_core.config import ModelConfig
from sali_core.types import STRIDES, FeaturePyramid


class FeaturePool:
    """f_{t-1} of every slot, allocated once."""

    def __init__(self, config: ModelConfig, *, slots: int, device: torch.device) -> None:
        """Allocate for so many slots and the scratch one."""
        sides = [-(-config.input_size // stride) for stride in STRIDES]
        self.maps = tuple(
            torch.zeros(slots + 1, config.channels, side, side, device=device) for side in sides
        )

    def exchange(self, slots: Tensor, is_fresh: Tensor, current: FeaturePyramid) -> FeaturePyramid:
        """Return f_{t-1} of some slots and keep f_t; a new stream is its own predecessor."""
        previous = []
        for held, now in zip(self.maps, current, strict=True):
            before = torch.where(is_fresh[:, None, None, None], now, held[slots])
            held[slots] = now
            previous.append(before)
        return (previous[0], previous[1], previous[2])
