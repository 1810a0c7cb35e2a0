"""Pictures with masks: what every data set here hands out, and how a pair of files is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

from sali_core.errors import DatasetError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")

Picture = tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]
"""Image [H, W, 3] uint8 RGB and mask [H, W] bool."""


class Clip(NamedTuple):
    """rgb [T, 3, S, S] uint8 and masks [T, 1, S, S] float32 of 0 and 1; oldest frame first."""

    rgb: Tensor
    masks: Tensor


class Pictures(Protocol):
    """Pictures with masks, by index: a set of stills, or the frames of one video."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def load(self, index: int) -> Picture:
        """Return image [H, W, 3] uint8 and mask [H, W] bool."""
        ...


class Scene(Pictures, Protocol):
    """A video made for training."""

    @property
    def cut_off(self) -> Sequence[int]:
        """Frames on which the edge of the picture cuts off a polyp; may be none."""
        ...


def is_picture(path: Path) -> bool:
    """Tell by its name whether a file is a picture; hidden files are not."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def spread(total: int, count: int) -> list[int]:
    """Return `count` places from 0 to total - 1, evenly apart, first and last included."""
    return [round(k * (total - 1) / max(count - 1, 1)) for k in range(count)]


def read_pair(image_path: Path, mask_path: Path) -> Picture:
    """Read a picture and its mask.

    Returns:
        image [H, W, 3] uint8 RGB and mask [H, W] bool, true where the file is 128 or more.

    Raises:
        DatasetError: A file cannot be read, or picture and mask differ in size; the text names it.
    """
    image = np.asarray(open_picture(image_path).convert("RGB"))
    mask = np.asarray(open_picture(mask_path).convert("L")) >= 128
    if image.shape[:2] != mask.shape:
        raise DatasetError(
            f"{mask_path}: mask is {mask.shape[1]}x{mask.shape[0]}, "
            f"its picture {image.shape[1]}x{image.shape[0]}"
        )
    return image, mask


def open_picture(path: Path) -> Image.Image:
    """Decode a picture file whole.

    Raises:
        DatasetError: The file is missing, damaged or no picture; the text names it.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except FileNotFoundError as exc:
        raise DatasetError(f"{path}: the file is missing") from exc
    # Pillow reports damage inside a PNG as SyntaxError, absurd sizes as DecompressionBombError.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as exc:
        raise DatasetError(f"{path}: cannot be read as a picture: {exc}") from exc
