"""A longer video made from one still, with truth, to measure what memory is worth.

A network that remembers should do better than one that does not inside stretches of bad quality.
Motion and tissue are made up; the polyp's surface, light and parallax do not change with the
view. The figures compare networks with each other and say little about real video.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from sali_core.data import augment
from sali_core.data.appearance import Appearance, create_appearance
from sali_core.data.augment import uniform
from sali_core.data.camera import CameraPath, Excursion, create_path, find_empty_window
from sali_core.data.clips import film, prepare_still
from sali_core.data.pictures import Picture
from sali_core.data.spoiling import create_spoiler
from sali_core.errors import ConfigError

_CHUNK_FRAMES = 16
_SHORTEST, _LONGEST = 6, 15
_CLEAN_START = 10
_CLEAN_BETWEEN = 5
_WINDOW_TRIES = 6


class StillVideo(NamedTuple):
    """A sequence of T frames with truth.

    Attributes:
        rgb: [T, 3, S, S] uint8.
        masks: [T, 1, S, S] float32 of 0 and 1.
        is_spoilt: [T] bool, true inside stretches of bad quality.
    """

    rgb: Tensor
    masks: Tensor
    is_spoilt: Tensor


def still_video(
    still: Picture,
    frames: int,
    seed: int,
    size: int,
    spoilt_stretches: int = 0,
    *,
    excursion: bool = False,
) -> StillVideo:
    """Film a still with a moving camera; deterministic by seed.

    Frames outside the stretches are the same, to the bit, whatever the number of stretches.

    Args:
        still: Image [H, W, 3] uint8 and mask [H, W] bool.
        frames: Length T.
        seed: Of path, tissue, look, stretches.
        size: Height and width of a frame, pixels.
        spoilt_stretches: Stretches of bad quality, 6 to 15 frames each; the first 10 frames and
            at least 5 before each stretch stay good.
        excursion: Let the polyp leave the view for the middle third and come back, where the
            still has a part without polyp.

    Raises:
        ConfigError: The video is too short for so many stretches, or empty.
    """
    needed = _CLEAN_START + spoilt_stretches * (_LONGEST + _CLEAN_BETWEEN)
    if frames < 1 or (spoilt_stretches and frames < needed):
        raise ConfigError(
            f"{spoilt_stretches} bad stretches need {needed} frames or more, got {frames}"
        )
    both = prepare_still(still, size)
    generator = _seeded(seed, 0)
    path = create_path(
        generator,
        start=0.0,
        excursion=_middle_third(both[3], frames, generator) if excursion else None,
    )
    look = create_appearance(generator, bubbles=0.3)
    stretches = _draw_stretches(frames, spoilt_stretches, _seeded(seed, 1))
    rgb, masks = _film(both, path, look, frames, size, seed)
    is_spoilt = torch.zeros(frames, dtype=torch.bool)
    for number, stretch in enumerate(stretches):
        bad = slice(stretch.start, stretch.stop)
        own = _seeded(seed, 2 + number)
        times = [float(k) for k in range(len(stretch))]
        spoilt = create_spoiler(own).spoil(rgb[bad].float() / 255, times)
        rgb[bad] = augment.to_uint8(augment.add_noise(spoilt, own, look.noise_sigma))
        is_spoilt[bad] = True
    return StillVideo(rgb, masks, is_spoilt)


def empty_video(still: Picture, frames: int, seed: int, size: int) -> StillVideo | None:
    """Film a part of a still that shows no polyp, to count false alarms; deterministic by seed.

    Args:
        still: Image [H, W, 3] uint8 and mask [H, W] bool.
        frames: Length T.
        seed: Of window, path, tissue and look.
        size: Height and width of a frame, pixels.

    Returns:
        A video whose masks are all zero, or None where no such part was found.

    Raises:
        ConfigError: The video is to have no frame.
    """
    if frames < 1:
        raise ConfigError(f"a video needs 1 frame or more, got {frames}")
    both = prepare_still(still, size)
    generator = _seeded(seed, 0)
    for _ in range(_WINDOW_TRIES):
        window = find_empty_window(both[3], generator, tries=10)
        if window is None:
            continue
        path = create_path(generator, start=0.0, window=window)
        look = create_appearance(generator, bubbles=0.3)
        rgb, masks = _film(both, path, look, frames, size, seed, "reflection")
        # A turned and swaying view may reach a little out of its window.
        if not masks.any():
            return StillVideo(rgb, masks, torch.zeros(frames, dtype=torch.bool))
    return None


def _film(
    both: Tensor,
    path: CameraPath,
    look: Appearance,
    frames: int,
    size: int,
    seed: int,
    padding: str = "zeros",
) -> tuple[Tensor, Tensor]:
    """Film a prepared still, some frames at a time: rgb [T, 3, S, S] uint8, masks [T, 1, S, S]."""
    chunks = []
    for start in range(0, frames, _CHUNK_FRAMES):
        times = [float(k) for k in range(start, min(start + _CHUNK_FRAMES, frames))]
        pictures, masks = film(both, path.grids(times, size), padding)
        own = _seeded(seed, -1 - start)
        pictures = augment.add_noise(look.apply(pictures, times, own), own, look.noise_sigma)
        chunks.append((augment.to_uint8(pictures), masks))
    rgb, truth = (torch.cat(parts) for parts in zip(*chunks, strict=True))
    return rgb, truth


def _middle_third(mask: Tensor, frames: int, generator: Generator) -> Excursion | None:
    window = find_empty_window(mask, generator, tries=60)
    if window is None:
        return None
    third = frames / 3
    return Excursion(window, (third, 1.2 * third, 1.8 * third, 2 * third))


def _draw_stretches(frames: int, count: int, generator: Generator) -> list[range]:
    """Draw stretches in order, one in each of `count` equal parts of the video after its start."""
    part = (frames - _CLEAN_START) / max(count, 1)
    stretches = []
    for number in range(count):
        length = int(uniform(generator, _SHORTEST, _LONGEST + 1))
        first = _CLEAN_START + number * part + _CLEAN_BETWEEN
        start = int(uniform(generator, first, _CLEAN_START + (number + 1) * part - length))
        stretches.append(range(start, start + length))
    return stretches


def _seeded(seed: int, purpose: int) -> Generator:
    return torch.Generator().manual_seed((seed * 1_000_003 + purpose * 7919) % 2**62)
