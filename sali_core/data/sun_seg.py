"""SUN-SEG, the video data set of the paper, in the folders its authors' scripts leave behind.

    ROOT/TrainDataset/Frame/case1_1/case_..._a2_ayy_image0001.jpg   and GT/case1_1/....png
    ROOT/TestEasyDataset/Seen/Frame/...    ROOT/TestEasyDataset/Unseen/Frame/...
    ROOT/TestHardDataset/Seen/Frame/...    ROOT/TestHardDataset/Unseen/Frame/...

Other labels beside them (Edge, Scribble, Polygon, ...) are left alone. Source of layout, order of
frames and counts: Ji et al., Video polyp segmentation: a deep learning perspective, Machine
Intelligence Research 19, 2022, and the repository GewelsJI/VPS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sali_core.data.natural_order import natural_key
from sali_core.data.pictures import Picture, is_picture, read_pair
from sali_core.errors import DatasetError

_PLACE = re.compile(r"_a(\d+)_(?:.*_)?image(\d+)$")


@dataclass(frozen=True)
class PublishedSplit:
    """One part of the data set: its folder and the counts its authors published."""

    folder: str
    cases: int
    frames: int


SPLITS = {
    "train": PublishedSplit("TrainDataset", 112, 19_544),
    "easy_seen": PublishedSplit("TestEasyDataset/Seen", 33, 4_719),
    "easy_unseen": PublishedSplit("TestEasyDataset/Unseen", 86, 12_351),
    "hard_seen": PublishedSplit("TestHardDataset/Seen", 17, 3_882),
    "hard_unseen": PublishedSplit("TestHardDataset/Unseen", 37, 8_640),
}


@dataclass(frozen=True)
class SunSegCase:
    """One case: a short video whose every frame shows a polyp and has a mask.

    Attributes:
        split: One of `SPLITS`.
        name: Folder name, as `case1_1`.
        frames: Pictures in order of time; a mask file has the same stem and may be missing.
        mask_folder: Folder of the masks.
    """

    split: str
    name: str
    frames: tuple[Path, ...]
    mask_folder: Path

    def __len__(self) -> int:
        return len(self.frames)

    def mask_path(self, index: int) -> Path:
        """Return where the mask of a frame belongs."""
        return self.mask_folder / f"{self.frames[index].stem}.png"

    def load(self, index: int) -> Picture:
        """Read one frame: image [H, W, 3] uint8 RGB and mask [H, W] bool.

        Raises:
            DatasetError: A file is missing or unreadable, or the sizes differ; the text names it.
        """
        return read_pair(self.frames[index], self.mask_path(index))


@dataclass(frozen=True)
class SunSeg:
    """The data set under one folder; lists names and opens no picture until it is asked to.

    Raises:
        DatasetError: None of the data set's folders is there.
    """

    root: Path

    def __post_init__(self) -> None:
        if not self.splits:
            raise DatasetError(f"{self.root}: no SUN-SEG there; {_advice(self.root)}")

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits whose folder exists, in the order of `SPLITS`."""
        return tuple(name for name in SPLITS if (self.folder(name) / "Frame").is_dir())

    def folder(self, split: str) -> Path:
        """Return the folder that holds `Frame` and `GT` of a split.

        Raises:
            DatasetError: There is no split of that name.
        """
        if split not in SPLITS:
            raise DatasetError(f"SUN-SEG has no split {split!r}; choose one of {', '.join(SPLITS)}")
        return self.root / SPLITS[split].folder

    def cases(self, split: str) -> tuple[SunSegCase, ...]:
        """List the cases of a split, `case2_1` before `case10_1`, frames in order of time.

        Raises:
            DatasetError: The split's folder is missing or holds no frames.
        """
        folder = self.folder(split)
        frames = folder / "Frame"
        if not frames.is_dir():
            raise DatasetError(f"{frames}: no such folder; {_advice(self.root)}")
        folders = sorted(
            (path for path in frames.iterdir() if path.is_dir()),
            key=lambda path: natural_key(path.name),
        )
        cases = tuple(
            SunSegCase(split, case.name, _pictures(case), folder / "GT" / case.name)
            for case in folders
        )
        if not any(case.frames for case in cases):
            raise DatasetError(f"{frames}: no images in any case folder there")
        return cases


def frame_order(stem: str) -> tuple[tuple[int, int], tuple[tuple[str | int, ...], str]]:
    """Return the key that sorts frames by time, as the authors do: annotation, then image number.

    Args:
        stem: File name without ending, as `case_M_..._a2_ayy_image0010`; names of another form
            sort by the numbers in them.
    """
    found = _PLACE.search(stem)
    place = (int(found[1]), int(found[2])) if found else (0, 0)
    return place, natural_key(stem)


def _pictures(folder: Path) -> tuple[Path, ...]:
    return tuple(
        sorted(
            (path for path in folder.iterdir() if is_picture(path)),
            key=lambda path: frame_order(path.stem),
        )
    )


def _advice(root: Path) -> str:
    if (root / "Frame").is_dir():
        return "this is a folder inside it; give the one that holds TrainDataset"
    for below in ("SUN-SEG", "SUN-SEG-Annotation", "data/SUN-SEG"):
        if any((root / below / split.folder).is_dir() for split in SPLITS.values()):
            return f"give {root / below}"
    for test in ("TestEasyDataset", "TestHardDataset"):
        if (root / test / "Frame").is_dir():
            return (
                f"{test} has no Seen and Unseen: that is the release before July 2022, get the new"
            )
    return "expected TrainDataset/Frame, TestEasyDataset/Seen/Frame and so on, with GT beside Frame"
