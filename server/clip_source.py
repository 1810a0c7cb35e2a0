"""Clips to segment offline: a picture, a video file, or folders of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sali_core.data.frame_folders import find_frame_folders, read_frame
from sali_core.data.pictures import is_picture
from server.errors import SourceError, SourceUnreachableError
from server.media.container import open_file, video_stream
from server.video_frames import decoded_frames

_ITSELF = PurePosixPath(".")


class SourceFrame(NamedTuple):
    """A picture [H, W, 3] uint8 RGB and the name of what is computed from it."""

    stem: str
    rgb: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class SourceClip:
    """Frames that belong together: the memory starts empty with each clip.

    Attributes:
        name: Folder relative to the source; `.` for the source itself.
        stems: Names of its frames; None for a video, whose frames are numbered from 000000.
        frame_count: How many frames there are; None where a video does not say.
        read: Reads them from the beginning, one at a time.
    """

    name: PurePosixPath
    stems: tuple[str, ...] | None
    frame_count: int | None
    read: Callable[[], Iterator[SourceFrame]]


def find_clips(source: Path) -> list[SourceClip]:
    """Return the clips of a source, in natural order of their names.

    Raises:
        SourceError: It is not there, or is neither a picture nor a video.
        DatasetError: A folder without pictures.
    """
    if source.is_dir():
        return [picture_clip(f.name, f.frames) for f in find_frame_folders(source)]
    if not source.exists():
        raise SourceUnreachableError(f"no such file or folder: {source}")
    if is_picture(source):
        return [picture_clip(_ITSELF, (source,))]
    with open_file(str(source)) as container:
        count = video_stream(container, source.name).frames or None
    return [SourceClip(_ITSELF, None, count, partial(_video_frames, source))]


def picture_clip(name: PurePosixPath, paths: tuple[Path, ...]) -> SourceClip:
    """Make a clip of picture files, in the order given.

    Args:
        name: Where its results go, below the folder for all results.
        paths: Its frames; no two have the same stem.
    """
    stems = tuple(path.stem for path in paths)
    return SourceClip(name, stems, len(paths), partial(_picture_frames, paths))


def _picture_frames(paths: tuple[Path, ...]) -> Iterator[SourceFrame]:
    for path in paths:
        yield SourceFrame(path.stem, read_frame(path))


def _video_frames(path: Path) -> Iterator[SourceFrame]:
    number = -1
    with open_file(str(path)) as container:
        stream = video_stream(container, path.name)
        for number, frame in enumerate(decoded_frames(container, stream)):
            rgb = frame.to_ndarray(format="rgb24").astype("uint8", copy=False)
            yield SourceFrame(f"{number:06d}", rgb)
    if number < 0:
        raise SourceError(f"{path.name}: not one frame could be decoded")
