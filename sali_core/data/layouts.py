"""Recognises how a data set's files lie, and pairs pictures with masks by name."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sali_core.data.pictures import is_picture
from sali_core.data.sun_seg import SPLITS, SunSeg
from sali_core.errors import DatasetError


@dataclass(frozen=True)
class Problem:
    """Something wrong with one file or folder."""

    path: Path
    what: str


@dataclass(frozen=True)
class Part:
    """Counts of one split; `cases` is None where pictures do not come in cases.

    The published counts are None where nobody published any.
    """

    name: str
    frames: int
    masks: int
    cases: int | None = None
    published_cases: int | None = None
    published_frames: int | None = None


@dataclass(frozen=True)
class Layout:
    """A recognised data set.

    Attributes:
        name: In words.
        parts: Splits.
        pairs: Picture and mask files that belong together.
        problems: What names and counts alone show to be wrong.
    """

    name: str
    parts: tuple[Part, ...]
    pairs: tuple[tuple[Path, Path], ...]
    problems: tuple[Problem, ...]


def read_layout(root: Path) -> Layout:
    """Recognise a folder and list its files, opening none but the manifest.

    Raises:
        DatasetError: The folder is missing, of no known layout, or holds no images at all.
    """
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder")
    if (root / "images").is_dir():
        return _read_stills(root)
    try:
        return _read_sun_seg(SunSeg(root))
    except DatasetError as exc:
        if any((root / split.folder).is_dir() for split in SPLITS.values()):
            raise
        raise DatasetError(f"{exc}; nor images/ and masks/, with or without manifest.csv") from exc


def _read_sun_seg(data: SunSeg) -> Layout:
    parts: list[Part] = []
    pairs: list[tuple[Path, Path]] = []
    problems: list[Problem] = []
    for split, published in SPLITS.items():
        folder = data.folder(split)
        if split not in data.splits:
            problems.append(
                Problem(folder, f"missing: split {split}, {published.cases} cases as published")
            )
            continue
        cases = data.cases(split)
        masks = 0
        for case in cases:
            found, wrong = _pair(case.frames, case.mask_folder, png_only=True)
            pairs += found
            problems += wrong
            masks += len(found)
            if not case.frames:
                problems.append(Problem(folder / "Frame" / case.name, "no images in this case"))
        names = {case.name for case in cases}
        problems += [
            Problem(path, "masks of a case that has no folder in Frame")
            for path in _folders(folder / "GT")
            if path.name not in names
        ]
        frames = sum(len(case) for case in cases)
        part = Part(split, frames, masks, len(cases), published.cases, published.frames)
        problems += _count_problems(part, folder)
        parts.append(part)
    return Layout("SUN-SEG", tuple(parts), tuple(pairs), tuple(problems))


def _read_stills(root: Path) -> Layout:
    images = sorted(path for path in (root / "images").iterdir() if is_picture(path))
    if not images:
        raise DatasetError(f"{root / 'images'}: no images")
    pairs, problems = _pair(images, root / "masks")
    manifest = root / "manifest.csv"
    if not manifest.exists():
        part = Part("all", len(images), len(pairs))
        return Layout("images and masks, no manifest", (part,), tuple(pairs), tuple(problems))
    rows = _read_manifest(manifest)
    split_of = {row["name"]: row["split"] for row in rows}
    masked = {image.stem for image, _ in pairs}
    present = {image.stem for image in images}
    parts = [
        Part(
            split,
            sum(split_of.get(name) == split for name in present),
            sum(split_of.get(name) == split for name in masked),
        )
        for split in sorted(set(split_of.values()))
    ]
    problems += [
        Problem(root / "images" / name, "in the manifest, but there is no such image")
        for name in sorted(split_of.keys() - present)
    ]
    problems += [
        Problem(image, "not in the manifest: belongs to no split")
        for image in images
        if image.stem not in split_of
    ]
    problems += _manifest_problems(manifest, rows)
    return Layout("images and masks with manifest", tuple(parts), tuple(pairs), tuple(problems))


def _pair(
    images: Sequence[Path], folder: Path, *, png_only: bool = False
) -> tuple[list[tuple[Path, Path]], list[Problem]]:
    """Match pictures and the masks of a folder by stem; a PNG wins over other endings."""
    listed = (
        sorted(path for path in folder.iterdir() if is_picture(path)) if folder.is_dir() else []
    )
    pngs = {path.stem: path for path in listed if path.suffix == ".png"}
    masks = pngs if png_only else {path.stem: path for path in listed} | pngs
    pairs = [(image, masks[image.stem]) for image in images if image.stem in masks]
    problems = [
        Problem(folder / f"{image.stem}.png", "missing: no mask for this picture")
        for image in images
        if image.stem not in masks
    ]
    names = Counter(image.stem for image in images)
    problems += [
        Problem(masks[stem], "a mask without a picture") for stem in sorted(masks.keys() - names)
    ]
    problems += [
        Problem(image, "another picture has the same name and another ending")
        for image in images
        if names[image.stem] > 1
    ]
    return pairs, problems


def _count_problems(part: Part, folder: Path) -> Iterator[Problem]:
    if part.cases != part.published_cases:
        yield Problem(folder, f"{part.cases} cases, {part.published_cases} published")
    if part.frames != part.published_frames:
        yield Problem(folder, f"{part.frames} frames, {part.published_frames} published")


def _read_manifest(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="") as file:
        rows = csv.DictReader(file)
        if not {"name", "split"} <= set(rows.fieldnames or ()):
            raise DatasetError(f"{manifest}: columns 'name' and 'split' are needed")
        return [{key: value or "" for key, value in row.items() if key} for row in rows]


def _manifest_problems(manifest: Path, rows: list[dict[str, str]]) -> Iterator[Problem]:
    """Find names listed twice, and pictures of one origin that lie in two splits."""
    for name, count in Counter(row["name"] for row in rows).items():
        if count > 1:
            yield Problem(manifest, f"{name} is listed {count} times")
    for column in ("group", "sequence"):
        splits = defaultdict(set)
        for row in rows:
            if row.get(column):
                splits[row.get("dataset", ""), row[column]].add(row["split"])
        for (_, origin), found in splits.items():
            if len(found) > 1:
                yield Problem(
                    manifest,
                    f"{column} {origin} lies in {' and '.join(sorted(found))}: figures on one "
                    "would be flattered by the other",
                )


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
