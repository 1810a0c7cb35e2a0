"""Values that parts of the core hand to each other.

Scales are counted from the finest: index 0, 1, 2 are strides 8, 16, 32.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

STRIDES = (8, 16, 32)

FeaturePyramid = tuple[Tensor, Tensor, Tensor]
"""One map per scale, finest first: [B, C, H / stride, W / stride]."""


class Projection(NamedTuple):
    """Keys and values of one frame, per scale: [B, Ck, h, w] and [B, Cv, h, w]."""

    keys: FeaturePyramid
    values: FeaturePyramid


class DecoderOutput(NamedTuple):
    """Logits, all upsampled to the input size: [B, 1, H, W] each.

    `s3` is the mask's; the coarser ones and the global map `sg` are supervised in training.
    """

    s3: Tensor
    s4: Tensor
    s5: Tensor
    sg: Tensor


class StepOutput(NamedTuple):
    """What the network computes of one frame, batch B; tensors only.

    Attributes:
        logits: S_3 at the input size, [B, 1, H, W].
        features: f_t, the next frame's predecessor.
        memory: What the frame would leave in memory: keys K_Q (they are its queries too) and
            values. None from a network without memory.
    """

    logits: Tensor
    features: FeaturePyramid
    memory: Projection | None


class MemoryReading(NamedTuple):
    """What one frame read from its stream's memory (Eq. 3); no frames where there was none.

    Attributes:
        frames: Numbers of the memory frames, oldest first.
        shares: [frames] float32, attention each received, mean over query cells, then scales; they
            sum to 1.
        maps: [frames, h, w] float32, where in each memory frame, at stride 8; each sums to the
            frame's share. None from engines that do not tell.
    """

    frames: tuple[int, ...] = ()
    shares: npt.NDArray[np.float32] = np.zeros(0, np.float32)
    maps: npt.NDArray[np.float32] | None = None


class StepResult(NamedTuple):
    """What one frame of a stream gave, at model size.

    Attributes:
        logits: [H, W] float32.
        probability: [H, W] float32 in [0, 1].
        mask: [H, W] bool, by the weights' fixed thresholds (`sali_core.stream.masking`).
        memory_frame: The frame's number in the stream's memory; None if it did not enter it.
        reading: What the frame read from memory, before it entered itself; only where asked for.
    """

    logits: npt.NDArray[np.float32]
    probability: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_]
    memory_frame: int | None = None
    reading: MemoryReading | None = None
