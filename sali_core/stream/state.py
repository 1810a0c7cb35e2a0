"""What one stream remembers between frames."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from sali_core.memory.bank import MemoryBank
from sali_core.types import FeaturePyramid


@dataclass
class StreamState:
    """State of one stream: never shared between streams, never used by two threads at once.

    Attributes:
        bank: Long-term memory.
        previous: f_{t-1} of each scale, batch 1; None before the first frame.
        mask: Mask of frame t-1, [H, W] bool; None before the first frame.
        frames_seen: Frames stepped so far.
        is_asked: Whether the next step also tells what it reads from the bank.
        is_left_out: Whether the next frame is not to enter the bank.
        owes_frame: Whether a due frame was left out, and none entered since.
    """

    bank: MemoryBank
    previous: FeaturePyramid | None = None
    mask: Tensor | None = None
    frames_seen: int = 0
    is_asked: bool = False
    is_left_out: bool = False
    owes_frame: bool = False
