"""Looks a data set over before anybody trains on it: what is there, what is missing or broken."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from sali_core.data.layouts import Layout, Part, Problem, read_layout
from sali_core.data.pictures import read_pair
from sali_core.errors import DatasetError

_BATCH = 512


@dataclass(frozen=True)
class DataReport:
    """What `check_data` found.

    Attributes:
        root: The folder.
        layout: How the files lie, in words.
        parts: Splits with their counts.
        problems: Everything wrong, by file.
        opened: Picture and mask pairs that were decoded; 0 when only counting.
    """

    root: Path
    layout: str
    parts: tuple[Part, ...]
    problems: tuple[Problem, ...]
    opened: int

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_json(self) -> dict[str, object]:
        """Return the report as plain values."""
        return {
            "root": str(self.root),
            "layout": self.layout,
            "good": self.is_good,
            "opened": self.opened,
            "parts": [
                {
                    "name": part.name,
                    "cases": part.cases,
                    "published_cases": part.published_cases,
                    "frames": part.frames,
                    "published_frames": part.published_frames,
                    "masks": part.masks,
                }
                for part in self.parts
            ],
            "problems": [{"file": str(p.path), "what": p.what} for p in self.problems],
        }


def check_data(
    root: Path,
    *,
    quick: bool = False,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DataReport:
    """Count a data set's files and, unless `quick`, decode every one of them.

    Args:
        root: A SUN-SEG folder, or one with images/ and masks/, with or without manifest.csv.
        quick: Only count and compare names; open nothing but the manifest.
        threads: Readers; by default one per core.
        progress: Called with (pairs read, pairs in all).

    Raises:
        DatasetError: The folder is missing, of no known layout, or holds no images at all.
    """
    layout = read_layout(root)
    problems = list(layout.problems)
    opened = 0
    if not quick:
        problems += _read_all(layout, threads or os.cpu_count() or 1, progress)
        opened = len(layout.pairs)
    problems = [_relative(problem, root) for problem in problems]
    return DataReport(root, layout.name, layout.parts, tuple(problems), opened)


def _read_all(
    layout: Layout, threads: int, progress: Callable[[int, int], None] | None
) -> Iterator[Problem]:
    """Decode all pairs; yields what is wrong, in order of the files."""
    total, done = len(layout.pairs), 0
    with ThreadPoolExecutor(threads) as pool:
        for batch in _batches(layout.pairs):
            for problem in pool.map(_read_one, batch):
                done += 1
                if progress:
                    progress(done, total)
                if problem:
                    yield problem


def _read_one(pair: tuple[Path, Path]) -> Problem | None:
    image, mask = pair
    try:
        read_pair(image, mask)
    except DatasetError as exc:
        text = str(exc)
        at_fault = mask if text.startswith(f"{mask}: ") else image
        return Problem(at_fault, text.removeprefix(f"{at_fault}: "))
    return None


def _batches(pairs: Iterable[tuple[Path, Path]]) -> Iterator[list[tuple[Path, Path]]]:
    """Hand out pairs in portions, so that an interrupt ends the reading soon."""
    rest = iter(pairs)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _relative(problem: Problem, root: Path) -> Problem:
    if problem.path.is_relative_to(root):
        return replace(problem, path=problem.path.relative_to(root))
    return problem
