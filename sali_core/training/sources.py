"""Finds out what a data folder holds and makes training clips and validation pictures of it.

Known are SUN-SEG (clips from real video), and folders `images/` and `masks/` with or without
`manifest.csv` (clips made from stills).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from torch.utils.data import Dataset

from sali_core.data.clips import ClipDataset, ClipMix
from sali_core.data.layouts import read_layout
from sali_core.data.mixed_clips import MixedClips
from sali_core.data.phantom_videos import create_phantom_videos
from sali_core.data.pictures import Clip, Picture, Pictures
from sali_core.data.stills import StillFolder
from sali_core.data.sun_seg import SunSeg, SunSegCase
from sali_core.data.video_clips import VideoClips
from sali_core.errors import ConfigError, DatasetError


@dataclass(frozen=True)
class DataConfig:
    """What to train on.

    Attributes:
        root: Folder of the data.
        clip_frames: Frames of a clip: 1 single pictures; 2 with the predecessor; T > 2 with T - 2
            memory frames.
        hold_back: Share of the training data that is kept for validation where the data has no
            split `val`: whole cases of SUN-SEG, single stills. 0: no validation, unless there is
            a `val`.
        augmented: Videos are flipped, turned, cropped and tinted; otherwise resized only.
        phantoms: Phantom scenes mixed into clips from stills.
        mix: Shares of the kinds of clips from stills.
        single_share: Stills only: share of the steps that take single pictures instead of clips,
            `clip_frames` times as many.
        single_mix: Shares of their kinds.
    """

    root: str = ""
    clip_frames: int = 3
    hold_back: float = 0.1
    augmented: bool = True
    phantoms: int = 40
    mix: ClipMix = field(default_factory=ClipMix)
    single_share: float = 0.0
    single_mix: ClipMix = field(default_factory=ClipMix)

    def __post_init__(self) -> None:
        if self.clip_frames < 1:
            raise ConfigError(f"clip_frames must be at least 1, got {self.clip_frames}")
        if not 0 <= self.hold_back <= 0.5:
            raise ConfigError(f"hold_back must be in [0, 0.5], got {self.hold_back}")
        if not 0 <= self.single_share <= 1:
            raise ConfigError(f"single_share must be in [0, 1], got {self.single_share}")
        if self.phantoms < 0:
            raise ConfigError(f"phantoms must be at least 0, got {self.phantoms}")


@dataclass(frozen=True)
class TrainingData:
    """What a data folder gives.

    Attributes:
        clips: An endless supply; clip i depends on (seed, i) alone.
        pictures: Pictures that are present frames once per epoch.
        validation: Pictures with truth that are not trained on; None if none are held back.
        summary: In words.
    """

    clips: Dataset[Clip]
    pictures: int
    validation: Pictures | None
    summary: str


def open_data(config: DataConfig, *, size: int, seed: int, batch: int) -> TrainingData:
    """Recognise a data folder.

    Args:
        config: Which folder and what to make of it.
        size: Height and width of training frames, pixels.
        seed: Of everything drawn.
        batch: Clips of a training step.

    Raises:
        ConfigError: No folder is given, or single pictures are to be mixed into real videos.
        DatasetError: The folder is missing, of no known layout or without images.
    """
    if not config.root:
        raise ConfigError("no data to train on: give --data DIR, or root in [data] of the recipe")
    root = Path(config.root)
    if (root / "images").is_dir():
        return _open_stills(config, root, size, seed, batch)
    if not (root / "TrainDataset" / "Frame").is_dir():
        read_layout(root)  # says what is wrong with a folder of neither kind
    if config.single_share:
        raise ConfigError(f"data.single_share is for folders of stills; {root} holds videos")
    return _open_videos(config, SunSeg(root), size, seed)


def _open_videos(config: DataConfig, data: SunSeg, size: int, seed: int) -> TrainingData:
    cases = [case for case in data.cases("train") if case.frames]
    kept, held = _hold_back_cases(cases, config.hold_back)
    videos = VideoClips(
        kept,
        size=size,
        seed=seed,
        memory=max(config.clip_frames - 2, 0),
        augmented=config.augmented,
    )
    clips: Dataset[Clip] = PresentFrames(videos) if config.clip_frames == 1 else videos
    validation = Joined(held) if held else None
    summary = f"SUN-SEG: {len(kept)} clips, {len(videos)} frames; {len(held)} clips held back"
    return TrainingData(clips, len(videos), validation, summary)


def _open_stills(config: DataConfig, root: Path, size: int, seed: int, batch: int) -> TrainingData:
    layout = read_layout(root)
    splits = {part.name for part in layout.parts if part.frames}
    stills: Pictures = StillFolder(root, "train")
    validation: Pictures | None = None
    if "val" in splits:
        validation = StillFolder(root, "val")
    elif config.hold_back:
        chosen = _every(len(stills), config.hold_back)
        rest = sorted(set(range(len(stills))) - set(chosen))
        stills, validation = Chosen(stills, rest), Chosen(stills, chosen) if chosen else None
    phantoms = create_phantom_videos(config.phantoms, size, first_seed=1000 * (seed + 1))
    frames = config.clip_frames
    clips: Dataset[Clip] = ClipDataset(
        stills, phantoms, size=size, seed=seed, frames=frames, mix=config.mix
    )
    if config.single_share:
        singles = ClipDataset(
            stills, phantoms, size=size, seed=seed, frames=1, mix=config.single_mix
        )
        clips = MixedClips(
            clips,
            singles,
            frames=frames,
            batch=batch,
            single_share=config.single_share,
            seed=seed,
        )
    held = len(validation) if validation else 0
    summary = f"{layout.name}: {len(stills)} pictures, {held} to validate on"
    return TrainingData(clips, len(stills), validation, summary)


def _hold_back_cases(
    cases: Sequence[SunSegCase], share: float
) -> tuple[list[SunSegCase], list[SunSegCase]]:
    """Split cases into those to train on and those held back, never one polyp into both.

    Clips of one polyp share the number before the underscore, as `case3_1` and `case3_2`.
    """
    polyps = list(dict.fromkeys(_polyp(case) for case in cases))
    held = {polyps[k] for k in _every(len(polyps), share)}
    return (
        [case for case in cases if _polyp(case) not in held],
        [case for case in cases if _polyp(case) in held],
    )


def _polyp(case: SunSegCase) -> str:
    return case.name.partition("_")[0]


def _every(total: int, share: float) -> list[int]:
    """Return about `share` of the places 0..total-1, evenly spread; at least one of two or more."""
    if share <= 0 or total < 2:
        return []
    count = max(round(total * share), 1)
    return [int((k + 0.5) * total / count) for k in range(count)]


class PresentFrames(Dataset[Clip]):
    """Clips cut to their last frame."""

    def __init__(self, clips: Dataset[Clip]) -> None:
        self._clips = clips

    def __getitem__(self, index: int) -> Clip:
        rgb, masks = self._clips[index]
        return Clip(rgb[-1:], masks[-1:])


class Chosen:
    """Some pictures of a set."""

    def __init__(self, pictures: Pictures, places: Sequence[int]) -> None:
        self._pictures = pictures
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def load(self, index: int) -> Picture:
        """Read one picture: image [H, W, 3] uint8 and mask [H, W] bool."""
        return self._pictures.load(self._places[index])


class Joined:
    """The frames of several videos as one set of pictures."""

    def __init__(self, videos: Sequence[Pictures]) -> None:
        self._videos = videos
        self._ends = list(accumulate(len(video) for video in videos))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def load(self, index: int) -> Picture:
        """Read one frame: image [H, W, 3] uint8 and mask [H, W] bool."""
        if not 0 <= index < len(self):
            raise DatasetError(f"no frame {index} in {len(self)}")
        video = bisect_right(self._ends, index)
        return self._videos[video].load(index - (self._ends[video - 1] if video else 0))
