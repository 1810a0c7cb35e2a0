"""Frames on their way into a network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sali_core.errors import ShapeError


def check_frame(rgb: npt.NDArray[np.uint8], size: tuple[int, int]) -> None:
    """Refuse a frame that is not [height, width, 3] uint8 of the network's input size.

    Raises:
        ShapeError: The text names what came and what is wanted.
    """
    expected = (*size, 3)
    if rgb.shape != expected or rgb.dtype != np.uint8:
        raise ShapeError(f"frame is {rgb.dtype} {rgb.shape}, the network wants uint8 {expected}")


def frame_to_tensor(
    rgb: npt.NDArray[np.uint8], size: tuple[int, int], device: torch.device
) -> Tensor:
    """Copy a frame [H, W, 3] uint8 to the device as [1, 3, H, W] uint8.

    Raises:
        ShapeError: It is not of `size`.
    """
    check_frame(rgb, size)
    return torch.from_numpy(np.array(rgb)).to(device).permute(2, 0, 1)[None]
