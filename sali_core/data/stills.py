"""Folders of still pictures with masks: `images/`, `masks/` and, where there is one, a manifest.

`manifest.csv` has at least the columns `name` and `split` (train or val); without it, all images
belong to every split asked for.
"""

from __future__ import annotations

import csv
from pathlib import Path

from sali_core.data.pictures import IMAGE_SUFFIXES, Picture, is_picture, read_pair
from sali_core.errors import DatasetError


class StillFolder:
    """Pictures and masks of one split, in order of name."""

    def __init__(self, root: Path, split: str) -> None:
        """List the files of a split.

        Raises:
            DatasetError: The folder, its images or a mask is missing; the text names it.
        """
        images = root / "images"
        if not images.is_dir():
            raise DatasetError(f"{root}: no folder 'images' there; expected images/ and masks/")
        self._root = root
        self._datasets = wanted = _names_of_split(root / "manifest.csv", split)
        files = sorted(
            path
            for path in images.iterdir()
            if is_picture(path) and (wanted is None or path.stem in wanted)
        )
        if not files:
            raise DatasetError(f"{images}: no images of split {split!r}")
        self._pairs = [(path, _mask_of(root / "masks", path.stem)) for path in files]

    def __len__(self) -> int:
        return len(self._pairs)

    def name(self, index: int) -> str:
        """Return the file name, without its ending, of one picture."""
        return self._pairs[index][0].stem

    def dataset(self, index: int) -> str:
        """Return the data set one picture comes from, or the folder's name if none is listed."""
        listed = (self._datasets or {}).get(self.name(index))
        return listed or self._root.resolve().name

    def load(self, index: int) -> Picture:
        """Read one picture.

        Returns:
            image [H, W, 3] uint8 RGB and mask [H, W] bool.

        Raises:
            DatasetError: A file cannot be read, or picture and mask differ in size.
        """
        return read_pair(*self._pairs[index])


def _names_of_split(manifest: Path, split: str) -> dict[str, str] | None:
    """Return the pictures of a split with the data set of each, empty where the column is missing.

    None if there is no manifest.
    """
    if not manifest.exists():
        return None
    with manifest.open(newline="") as file:
        rows = csv.DictReader(file)
        if not {"name", "split"} <= set(rows.fieldnames or ()):
            raise DatasetError(f"{manifest}: columns 'name' and 'split' are needed")
        return {row["name"]: row.get("dataset") or "" for row in rows if row["split"] == split}


def _mask_of(folder: Path, stem: str) -> Path:
    for suffix in (".png", *IMAGE_SUFFIXES):
        if (path := folder / f"{stem}{suffix}").exists():
            return path
    raise DatasetError(f"{folder}: no mask for picture {stem!r}")
