"""A tiny SUN-SEG on disk, in the folders and with the names of the real one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from sali_core.data.sun_seg import SPLITS

WIDTH, HEIGHT = 24, 16


def write_case(folder: Path, case: str, frames: int) -> None:
    """Write one case below a folder that holds Frame and GT; frame k has brightness 40 + 10 k.

    Names are written in the form of the real ones; their alphabetical order is not that of time.
    """
    stem = "case_M_20181001100941_0U62372100109341_1_005_001-1_a{}_ayy_image{}"
    for kind in ("Frame", "GT"):
        (folder / kind / case).mkdir(parents=True, exist_ok=True)
    for k in range(frames):
        # The second half was annotated as a10: after a9 in time, before it in the alphabet.
        name = stem.format(9 if k < (frames + 1) // 2 else 10, f"{k:04d}")
        picture = np.full((HEIGHT, WIDTH, 3), 40 + 10 * k, np.uint8)
        Image.fromarray(picture).save(folder / "Frame" / case / f"{name}.jpg", quality=95)
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[4:12, 2 + k : 10 + k] = 255
        Image.fromarray(mask).save(folder / "GT" / case / f"{name}.png")


def write_sun_seg(root: Path, cases: int = 2, frames: int = 4) -> Path:
    """Write every split with `cases` cases of `frames` frames; returns the root."""
    for number, split in enumerate(SPLITS.values(), 1):
        for k in range(cases):
            write_case(root / split.folder, f"case{number}_{k + 1}", frames)
    return root


def write_stills(root: Path, manifest: str | None = None) -> Path:
    """Write pictures a, b and c with masks, and a manifest if one is given; returns the root."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for name in ("a", "b", "c"):
        picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        Image.fromarray(picture).save(root / "images" / f"{name}.png")
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[2:5, 3:9] = 255
        Image.fromarray(mask).convert("1").save(root / "masks" / f"{name}.png")
    if manifest is not None:
        (root / "manifest.csv").write_text(manifest)
    return root
