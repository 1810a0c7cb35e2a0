"""Ordered frames as pictures: a folder is a clip, and folders below it are further clips."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from sali_core.data.natural_order import natural_key
from sali_core.data.pictures import is_picture, open_picture
from sali_core.errors import DatasetError


@dataclass(frozen=True)
class FrameFolder:
    """The pictures of one clip.

    Attributes:
        name: Folder, relative to where the search began; `.` for that folder itself.
        frames: Its picture files in natural order; no two have the same stem.
    """

    name: PurePosixPath
    frames: tuple[Path, ...]


def find_frame_folders(root: Path) -> list[FrameFolder]:
    """Find every folder at or below `root` that holds pictures, in natural order.

    Hidden files and folders are passed over; linked folders are followed, each once.

    Raises:
        DatasetError: There is no picture; a folder cannot be read; or two pictures of a folder
            differ in their ending alone, so that their results would have one name.
    """
    found = []
    seen: set[str] = set()
    for folder, below, files in os.walk(root, followlinks=True, onerror=_raise):
        below[:] = [name for name in below if not name.startswith(".")]
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        pictures = [Path(folder, name) for name in files if is_picture(Path(name))]
        if pictures:
            name = PurePosixPath(Path(folder).relative_to(root).as_posix())
            frames = tuple(sorted(pictures, key=lambda path: natural_key(path.stem)))
            _check_stems(Path(folder), frames)
            found.append(FrameFolder(name, frames))
    if not found:
        raise DatasetError(f"{root}: no pictures in this folder or below it")
    return sorted(found, key=lambda clip: [natural_key(part) for part in clip.name.parts])


def read_frame(path: Path) -> npt.NDArray[np.uint8]:
    """Read a picture as RGB [H, W, 3] uint8.

    Raises:
        DatasetError: It cannot be read, or has more than 8 bits a channel; the text names it.
    """
    image = open_picture(path)
    if image.mode[0] in "IF":
        raise DatasetError(f"{path}: more than 8 bits a channel; save it with 8")
    return np.asarray(image.convert("RGB"))


def _check_stems(folder: Path, frames: tuple[Path, ...]) -> None:
    stem, count = Counter(path.stem for path in frames).most_common(1)[0]
    if count > 1:
        raise DatasetError(
            f"{folder}: {count} pictures are named {stem!r}; results are named after them, so "
            "rename all but one"
        )


def _raise(error: OSError) -> None:
    raise DatasetError(f"{error.filename}: cannot be read: {error.strerror}") from error
