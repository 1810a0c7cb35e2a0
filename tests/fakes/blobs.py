"""Pictures a network learns in a few steps: bright discs on noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image


class Blobs:
    """Eight pictures of 96 x 96 pixels."""

    def __len__(self) -> int:
        return 8

    def load(self, index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
        """Draw one: image [96, 96, 3] uint8 and mask [96, 96] bool."""
        rng = np.random.default_rng(index)
        y, x = np.mgrid[:96, :96]
        cy, cx = rng.uniform(30, 66, 2)
        mask = (y - cy) ** 2 + (x - cx) ** 2 < 300
        image = rng.integers(0, 60, (96, 96, 3)).astype(np.uint8)
        image[mask] += 150
        return image, mask


def write_blobs(root: Path) -> Path:
    """Write the pictures as images/ and masks/ without a manifest; returns the root."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    blobs = Blobs()
    for k in range(len(blobs)):
        image, mask = blobs.load(k)
        Image.fromarray(image).save(root / "images" / f"{k}.png")
        Image.fromarray(mask).save(root / "masks" / f"{k}.png")
    return root
