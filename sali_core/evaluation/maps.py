"""Map files on disk: the frames of each case, how they are read and brought to one size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from sali_core.data.natural_order import natural_key
from sali_core.errors import DatasetError
from sali_core.evaluation.arrays import GreyMap

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class FrameFiles:
    """Truth and prediction of one frame; whether it is the first or the last of its case."""

    truth: Path
    prediction: Path
    is_end: bool


@dataclass(frozen=True)
class CaseFiles:
    """The frames of one case, in order of time."""

    name: str
    frames: tuple[FrameFiles, ...]


def find_cases(truth_root: Path, prediction_root: Path) -> tuple[list[CaseFiles], list[str]]:
    """Pair the truth of every case with its predictions.

    Both folders hold one folder per case; a `GT` folder in between, as in SUN-SEG, is entered. The
    first and the last frame of a case may lack a prediction, for some methods write none and the
    protocol leaves both out; every other frame needs one, of the same name (endings may differ).

    Returns:
        The cases in natural order, and notes on what was left out, a line each.

    Raises:
        DatasetError: No case, no prediction of a case, or a frame's prediction is missing.
    """
    truth_root = _enter(truth_root, "GT")
    prediction_root = _enter(prediction_root, "GT", "Pred")
    truths, predictions = _case_folders(truth_root), _case_folders(prediction_root)
    if not truths:
        raise DatasetError(
            f"{truth_root}: no case there; expected a folder per case with its masks, "
            f"such as {truth_root.name}/case1_1/NAME.png"
        )
    missing = [name for name in truths if name not in predictions]
    if missing:
        raise DatasetError(
            f"{prediction_root}: no predictions for {_some(missing)}; expected a folder of the "
            "case's name with a map for each frame"
        )
    cases, notes = [], []
    for name in sorted(truths, key=natural_key):
        case, unpredicted = _pair(name, truths[name], predictions[name])
        cases.append(case)
        if unpredicted:
            notes.append(f"{name}: no prediction of its {_some(unpredicted)}, left out")
    unknown = [name for name in predictions if name not in truths]
    if unknown:
        notes.append(f"predictions without truth were left out: {_some(unknown)}")
    return cases, notes


def read_grey(path: Path) -> GreyMap:
    """Read a picture as 8-bit grey, [H, W]; of 16 bits the upper eight are kept.

    Raises:
        DatasetError: It cannot be read.
    """
    try:
        with Image.open(path) as image:
            if image.mode.startswith("I"):
                deep = np.asarray(image).astype(np.int64) >> 8
                grey: GreyMap = np.clip(deep, 0, 255).astype(np.uint8)
            else:
                grey = np.array(image.convert("L"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as exc:
        reason = "not a picture" if isinstance(exc, UnidentifiedImageError) else exc
        raise DatasetError(f"{path}: cannot be read: {reason}") from exc
    return grey


def resize_bilinear(grey: GreyMap, height: int, width: int) -> GreyMap:
    """Resize as the toolbox does (OpenCV's default for 8 bits): bilinear, not antialiased.

    Pixel centres at one half, edges repeated, weights in 1/2048, sums cut to 1/2^16 and rounded.
    """
    above, below, down = _taps(grey.shape[0], height)
    left, right, across = _taps(grey.shape[1], width)
    wide = grey.astype(np.int64)
    rows = wide[:, left] * across[0] + wide[:, right] * across[1]
    upper = (down[0][:, None] * (rows[above] >> 4)) >> 16
    lower = (down[1][:, None] * (rows[below] >> 4)) >> 16
    resized: GreyMap = ((upper + lower + 2) >> 2).astype(np.uint8)
    return resized


def _taps(
    source: int, target: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """First and second neighbour of each target pixel and their weights in 1/2048, [2, target]."""
    places = ((np.arange(target) + 0.5) * (source / target) - 0.5).astype(np.float32)
    first = np.floor(places).astype(np.intp)
    share = np.where((first < 0) | (first >= source - 1), np.float32(0), places - first)
    first = first.clip(0, source - 1)
    weights = np.rint(np.stack([np.float32(1) - share, share]) * np.float32(2048))
    return first, (first + 1).clip(0, source - 1), weights.astype(np.int64)


def _enter(root: Path, *names: str) -> Path:
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder")
    inner = [root / name for name in names if (root / name).is_dir()]
    return inner[0] if len(inner) == 1 else root


def _case_folders(root: Path) -> dict[str, dict[str, Path]]:
    """Return the pictures of each folder that holds any, by stem."""
    folders = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        files = {
            path.stem: path
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        }
        if files:
            folders[folder.name] = files
    return folders


def _pair(
    name: str, truths: dict[str, Path], predictions: dict[str, Path]
) -> tuple[CaseFiles, list[str]]:
    stems = sorted(truths, key=natural_key)
    missing = [stem for stem in stems if stem not in predictions]
    inner = [stem for stem in missing if stem in stems[1:-1]]
    if inner:
        folder = next(iter(predictions.values())).parent
        raise DatasetError(
            f"{name}: no prediction for {_some([truths[stem].name for stem in inner])} in {folder}"
        )
    frames = [
        FrameFiles(truths[stem], predictions[stem], stem in (stems[0], stems[-1]))
        for stem in stems
        if stem in predictions
    ]
    ends = ["first frame" if stem == stems[0] else "last frame" for stem in missing]
    return CaseFiles(name, tuple(frames)), ends


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
