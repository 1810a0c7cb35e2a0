"""What the network found on phantom scenes, kept in files: computed once, filtered many times.

A scene is one file of JSON lines, gzipped: a header, then a line a frame. A file appears when its
scene is complete, so a recording that was stopped goes on with the scenes that are missing.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from sali_core.data.phantom import Phantom, PhantomConfig, PhantomFrame
from sali_core.errors import ConfigError
from sali_core.stream.model import StreamModel
from sali_core.types import StepResult
from server.masks import rle
from server.worker.components import find_polyps

FORMAT = 2
_EIGHT_NEIGHBOURS = np.ones((3, 3), np.bool_)
FPS = 25.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class SceneChoice:
    """One scene of a recording: every second has no polyp at all."""

    seed: int
    polyps: bool
    seconds: float
    fps: float

    @property
    def file_name(self) -> str:
        """Name of the scene's file."""
        return f"scene-{self.seed}-{'polyps' if self.polyps else 'plain'}.jsonl.gz"


@dataclass(frozen=True)
class FoundRegion:
    """One region of a mask.

    Attributes:
        box: [x, y, width, height], pixels of the mask.
        area_px: Its pixels.
        score: Mean probability.
        solidity: Share of its convex hull.
        peak: Greatest probability in it.
        touched: Pixels shared with each polyp that is seen there, by the polyp's number.
    """

    box: tuple[int, int, int, int]
    area_px: int
    score: float
    solidity: float
    peak: float
    touched: dict[int, int]


@dataclass(frozen=True)
class RecordedFrame:
    """What was found on a frame, and what there was to find.

    Attributes:
        kind: The phantom's word for the frame's quality.
        truth: Pixels seen of each polyp, by its number.
        regions: What was found, the largest first.
        counts: The mask's run lengths (`server.masks.rle`).
    """

    kind: str
    truth: dict[int, int]
    regions: tuple[FoundRegion, ...]
    counts: str


@dataclass(frozen=True)
class RecordedScene:
    """A scene as a network saw it; `picture_px` is the pixels of a whole mask."""

    model: str
    choice: SceneChoice
    picture_px: int
    frames: tuple[RecordedFrame, ...]

    @property
    def hours(self) -> float:
        """Its length."""
        return len(self.frames) / self.choice.fps / 3600


def choose_scenes(
    minutes: float, first_seed: int, seconds: float, fps: float
) -> tuple[SceneChoice, ...]:
    """Return scenes of `seconds` each that last `minutes` together, of one seed each."""
    count = max(2, round(minutes * 60 / seconds))
    return tuple(SceneChoice(first_seed + k, k % 2 == 0, seconds, fps) for k in range(count))


def record_scenes(
    model: StreamModel, scenes: Sequence[SceneChoice], folder: Path, progress: Progress
) -> None:
    """Run the network over every scene that the folder lacks.

    Args:
        model: Its memory begins empty in each scene.
        scenes: What to record.
        folder: Made if it is missing.
        progress: Told of each scene that is complete.

    Raises:
        ConfigError: The folder holds such a scene of another network or length.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, scene in enumerate(scenes, start=1):
        path = folder / scene.file_name
        if path.exists():
            _require_same(path, _header(model, scene))
            continue
        _record(model, scene, path)
        progress(f"scene {number} of {len(scenes)}")


def read_scenes(folder: Path) -> list[RecordedScene]:
    """Read every scene of a folder, in the order of their seeds.

    Raises:
        ConfigError: There is none, or one cannot be read.
    """
    paths = sorted(folder.glob("scene-*.jsonl.gz"))
    if not paths:
        raise ConfigError(f"{folder}: no recorded scenes; `sali bench findings` records some")
    return [_read(path) for path in paths]


def describe_regions(output: StepResult, numbers: npt.NDArray[np.uint16]) -> RecordedFrame:
    """Compare a mask with the truth; the kind of the frame is left empty.

    Args:
        output: Of the network, [H, W].
        numbers: The polyps that are seen, [H, W], 0 where there is none.
    """
    found = find_polyps(output.mask, output.probability)
    regions = []
    for polyp in found.polyps:
        x, y, width, height = polyp.box
        window = slice(y, y + height), slice(x, x + width)
        labels, _ = ndimage.label(found.mask[window], structure=_EIGHT_NEIGHBOURS)
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        inside = labels == int(np.flatnonzero(sizes == polyp.area_px)[0])
        regions.append(
            FoundRegion(
                box=polyp.box,
                area_px=polyp.area_px,
                score=polyp.score,
                solidity=polyp.solidity,
                peak=round(float(output.probability[window][inside].max()), 4),
                touched=_pixels(numbers[window][inside]),
            )
        )
    return RecordedFrame("", _pixels(numbers), tuple(regions), rle.encode(found.mask))


def _record(model: StreamModel, scene: SceneChoice, path: Path) -> None:
    """Render a scene, run the network over it, write its file."""
    height, width = model.info.input_size
    phantom = Phantom(
        PhantomConfig(
            width=width, height=height, fps=scene.fps, seconds=scene.seconds, seed=scene.seed,
            polyps=scene.polyps,
        )
    )  # fmt: skip
    state = model.initial_state()

    def frames() -> Iterator[tuple[PhantomFrame, RecordedFrame]]:
        for index in range(len(phantom)):
            shown = phantom.render(index)
            output = model.step(state, shown.image)
            yield shown, describe_regions(output, shown.numbers)

    _write(path, _header(model, scene), ((shown.kind, found) for shown, found in frames()))


def _write(path: Path, header: dict[str, Any], frames: Iterable[tuple[str, RecordedFrame]]) -> None:
    """Write a scene's file, whole or not at all."""
    partial = path.with_suffix(".partial")
    with gzip.open(partial, "wt", encoding="utf-8") as file:
        file.write(json.dumps(header) + "\n")
        for kind, frame in frames:
            file.write(json.dumps({**asdict(frame), "kind": kind}, separators=(",", ":")) + "\n")
    partial.replace(path)


def _read(path: Path) -> RecordedScene:
    """Read a scene's file."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            header = json.loads(file.readline())
            frames = tuple(_frame_from(json.loads(line)) for line in file)
        choice = SceneChoice(**header["scene"])
        height, width = header["mask_size"]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as exc:
        raise ConfigError(f"{path}: no recorded scene ({exc}); delete it to record anew") from exc
    return RecordedScene(header["model"], choice, height * width, frames)


def _frame_from(content: dict[str, Any]) -> RecordedFrame:
    regions = tuple(
        FoundRegion(
            box=tuple(region["box"]),
            area_px=region["area_px"],
            score=region["score"],
            solidity=region["solidity"],
            peak=region["peak"],
            touched=_numbered(region["touched"]),
        )
        for region in content["regions"]
    )
    return RecordedFrame(content["kind"], _numbered(content["truth"]), regions, content["counts"])


def _header(model: StreamModel, scene: SceneChoice) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "scene": asdict(scene),
        "model": model.info.name,
        "threshold": model.info.threshold,
        "mask_size": list(model.info.input_size),
    }


def _require_same(path: Path, wanted: dict[str, Any]) -> None:
    """Refuse to mix recordings."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        header = json.loads(file.readline())
    if header != wanted:
        raise ConfigError(f"{path} is of another network or length: choose another folder")


def _pixels(numbers: npt.NDArray[np.uint16]) -> dict[int, int]:
    """Count the pixels of each polyp."""
    if not numbers.any():
        return {}
    counts = np.bincount(numbers.ravel())
    return {int(number): int(counts[number]) for number in np.flatnonzero(counts) if number}


def _numbered(content: dict[str, int]) -> dict[int, int]:
    """Undo what JSON makes of numbers as keys."""
    return {int(number): pixels for number, pixels in content.items()}
