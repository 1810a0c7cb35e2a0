"""What frames find in memory during training: what life may give them.

With true masks alone the network never learns to work without memory, and single frames fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from sali_core.errors import ConfigError


@dataclass(frozen=True)
class MemoryMix:
    """Shares of what a frame finds in memory during training; the rest are true masks.

    Attributes:
        empty_bank: Frames that find the bank empty.
        predicted: Memory frames kept with the mask the network gave them.
        missing: Memory frames kept with an empty mask.
        wrong: Memory frames kept with the true mask at a wrong place.
    """

    empty_bank: float = 0.25
    predicted: float = 0.5
    missing: float = 0.1
    wrong: float = 0.1

    def __post_init__(self) -> None:
        shares = (self.predicted, self.missing, self.wrong)
        if min(*shares, self.empty_bank) < 0 or self.empty_bank > 1 or sum(shares) > 1 + 1e-9:
            raise ConfigError(
                "memory: shares must not be negative; predicted + missing + wrong at most 1, "
                f"got {sum(shares):g}; empty_bank at most 1, got {self.empty_bank:g}"
            )

    def draw(self, batch: int, size: int, generator: Generator) -> MemoryKinds:
        """Draw, for each clip of a batch, the mask that its memory frame is kept with.

        Args:
            batch: Clips, B.
            size: Height and width of the masks, pixels.
            generator: CPU generator.
        """
        u = torch.rand(batch, generator=generator)
        reach = max(size * 5 // 16, 1)
        shift = torch.randint(-reach, reach + 1, (2,), generator=generator).tolist()
        bounds = torch.tensor([self.predicted, self.missing, self.wrong]).cumsum(0)
        return MemoryKinds(torch.bucketize(u, bounds, right=True), (shift[0], shift[1]))


class MemoryKinds(NamedTuple):
    """Kinds drawn for one memory frame of each clip.

    Attributes:
        kinds: [B] int64: 0 predicted, 1 missing, 2 wrong, 3 true.
        shift: Rows and columns by which wrong masks lie beside the truth.
    """

    kinds: Tensor
    shift: tuple[int, int]

    def is_predicted(self, device: torch.device) -> Tensor:
        """Return [B, 1, 1, 1] bool: clips whose memory frame keeps what the network gave it."""
        return (self.kinds == 0).view(-1, 1, 1, 1).to(device)

    def masks(self, true: Tensor, predicted: Tensor) -> Tensor:
        """Choose among masks [B, 1, S, S]."""
        choices = (
            predicted,
            torch.zeros_like(true),
            true.roll(self.shift, (2, 3)),
            true,
        )
        return torch.stack([choices[kind][b] for b, kind in enumerate(self.kinds.tolist())])
