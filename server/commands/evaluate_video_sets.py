"""SUN-SEG's test sets as clips to run a network over, checked before hours of work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sali_core.errors import DatasetError
from server.commands.evaluate_maps import check_subsets

if TYPE_CHECKING:
    from sali_core.data.layouts import Problem
    from sali_core.data.sun_seg import SunSeg
    from server.clip_source import SourceClip


@dataclass(frozen=True)
class VideoSet:
    """One SUN-SEG test set, ready to be run.

    Attributes:
        subset: Its name, such as `easy-seen`.
        truth: Folder with a folder of masks per case.
        clips: Its cases, frames in order of time; each is named `subset/case`.
        notes: How its counts differ from the published ones, a line each.
    """

    subset: str
    truth: Path
    clips: tuple[SourceClip, ...]
    notes: tuple[str, ...]


def find_video_sets(root: Path, subsets: Sequence[str], *, keep_ends: bool) -> list[VideoSet]:
    """List the test sets of a SUN-SEG folder; opens no picture.

    Args:
        root: The folder; it may hold any of the test sets, and TrainDataset is not needed.
        subsets: Names of those wanted; none means all that are there.
        keep_ends: Whether first and last frames are scored too.

    Raises:
        ConfigError: There is no test set of such a name.
        DatasetError: The folder is no SUN-SEG, lacks a test set asked for, or the files of one do
            not fit together; said before hours of work, not after.
    """
    from sali_core.data.layouts import read_layout
    from sali_core.data.sun_seg import SunSeg
    from sali_core.evaluation.published import SUBSETS

    check_subsets(subsets)
    layout = read_layout(root)
    data = SunSeg(root)
    there = [name for name in SUBSETS if _split(name) in data.splits]
    if not there:
        raise DatasetError(
            f"{root}: SUN-SEG without a test set; expected one or more of "
            + ", ".join(f"{folder}/Frame" for folder in SUBSETS.values())
        )
    for name in subsets:
        if name not in there:
            raise DatasetError(
                f"--subset {name}: {root} has no {SUBSETS[name]}/Frame; there are "
                + ", ".join(there)
            )
    wanted = [name for name in there if name in subsets or not subsets]
    return [_open_set(data, name, layout.problems, keep_ends=keep_ends) for name in wanted]


def _split(subset: str) -> str:
    """Return the data set's name of a test set."""
    return subset.replace("-", "_")


def _open_set(
    data: SunSeg, subset: str, problems: Sequence[Problem], *, keep_ends: bool
) -> VideoSet:
    from server.clip_source import picture_clip

    folder = data.folder(_split(subset))
    # What is wrong with the folder itself are its counts: parts of a test set can be scored.
    counts = [problem.what for problem in problems if problem.path == folder]
    broken = [problem for problem in problems if folder in problem.path.parents]
    if broken:
        more = f" and {len(broken) - 1} more; " if broken[1:] else "; "
        raise DatasetError(
            f"{broken[0].path}: {broken[0].what}{more}`sali data check {data.root}` lists them all"
        )
    cases = data.cases(_split(subset))
    for case in cases:
        if len(case) < 3 and not keep_ends:
            raise DatasetError(
                f"{case.frames[0].parent}: nothing to score in {len(case)} frames; the protocol "
                "leaves out the first and the last of a case; --keep-ends scores every frame"
            )
    clips = tuple(
        picture_clip(PurePosixPath(subset, case.name), tuple(case.frames)) for case in cases
    )
    notes = tuple(f"not the published test set: {what}" for what in counts)
    return VideoSet(subset, folder / "GT", clips, notes)
