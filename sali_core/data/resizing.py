"""Brings pictures to the network's input size, the same way wherever that is done."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F


def resize_picture(
    image: npt.NDArray[np.uint8], size: int | tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """Stretch a picture, bilinear with antialiasing; one of that size already is unchanged.

    Args:
        image: [H, W, 3] uint8.
        size: (height, width) wanted; a number means both.

    Returns:
        [height, width, 3] uint8.
    """
    height, width = (size, size) if isinstance(size, int) else size
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float()
    resized = F.interpolate(
        tensor, (height, width), mode="bilinear", antialias=True, align_corners=False
    )
    out: npt.NDArray[np.uint8] = (
        resized[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8).numpy()
    )
    return out


def resize_map(values: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Stretch a map [h, w] to `size` = (height, width), bilinear, corners not aligned."""
    tensor = torch.from_numpy(np.array(values))[None, None]
    resized = F.interpolate(tensor, size, mode="bilinear", align_corners=False)
    out: npt.NDArray[np.float32] = resized[0, 0].numpy()
    return out


def resize_mask(mask: npt.NDArray[np.bool_], size: int) -> npt.NDArray[np.bool_]:
    """Stretch a mask [H, W] to [size, size]; a pixel is set where half its area or more was."""
    tensor = torch.from_numpy(np.array(mask))[None, None].float()
    resized = F.interpolate(
        tensor, (size, size), mode="bilinear", antialias=True, align_corners=False
    )
    out: npt.NDArray[np.bool_] = (resized[0, 0] >= 0.5).numpy()
    return out
