"""Training clips from stills and phantom scenes: memory frames, then two neighbouring frames.

A clip from a still is a camera path over it, with moving tissue and changes of exposure, focus and
quality; its truth mask goes through the same map. Clip `i` depends on (seed, i) alone, so training
can resume at any step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from sali_core.data import augment
from sali_core.data.appearance import create_appearance
from sali_core.data.augment import uniform
from sali_core.data.camera import Excursion, create_path, find_empty_window
from sali_core.data.pictures import Clip, Picture, Pictures, Scene
from sali_core.data.spoiling import create_spoiler
from sali_core.errors import ConfigError

__all__ = ["Clip", "ClipDataset", "ClipMix", "Pictures", "find_empty_window"]

_OLDEST_FRAMES = 60
_GENTLE_REACH = 0.25
_EVER = 1e9


@dataclass(frozen=True)
class ClipMix:
    """Shares of the kinds of clips.

    Attributes:
        phantom: Clips from the phantom, when there are phantom videos.
        cut_off: Of those, clips that end on a frame on which the edge of the picture cuts off a
            polyp, where the scene has one: at first little of a polyp is seen.
        negative: Of the others, crops of stills that hold no polyp.
        spoilt: Clips with frames of bad quality: mostly the last, or the last two.
        excursion: Clips from stills in which the polyp leaves or enters the view.
        bubbles: Clips with bubbles before the tissue.
        shaken: Clips with one frame blurred by motion.
        gentle: Clips from stills whose camera, tissue and colours stay close to the still: more
            like single pictures as they are taken, easier to learn.
    """

    phantom: float = 0.3
    cut_off: float = 0.0
    negative: float = 0.15
    spoilt: float = 0.15
    excursion: float = 0.1
    bubbles: float = 0.1
    shaken: float = 0.15
    gentle: float = 0.0


class ClipDataset(torch.utils.data.Dataset[Clip]):
    """An endless supply of clips; `dataset[i]` is deterministic by (seed, i)."""

    def __init__(
        self,
        stills: Pictures,
        phantoms: Sequence[Scene],
        *,
        size: int,
        seed: int,
        frames: int = 3,
        mix: ClipMix | None = None,
    ) -> None:
        """Choose what clips are made of.

        Args:
            stills: Pictures with masks.
            phantoms: Videos with masks, may be none.
            size: Height and width of a frame, pixels.
            seed: Of everything drawn.
            frames: Per clip, T: 1 the present frame alone, 2 with its predecessor, more with
                T - 2 memory frames, up to 60 frames old, before them.
            mix: Shares of the kinds of clips.

        Raises:
            ConfigError: `frames` is not between 1 and 60.
        """
        if not 1 <= frames <= _OLDEST_FRAMES:
            raise ConfigError(f"frames of a clip must be 1 to {_OLDEST_FRAMES}, got {frames}")
        self._stills = stills
        self._phantoms = phantoms
        self._size = size
        self._seed = seed
        self._frames = frames
        self._mix = mix or ClipMix()
        self._order: dict[int, Tensor] = {}

    def __getitem__(self, index: int) -> Clip:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + index)
        if self._phantoms and uniform(generator, 0, 1) < self._mix.phantom:
            return self._phantom_clip(generator)
        return self._still_clip(self._stills.load(self._still_index(index)), generator)

    def _still_index(self, index: int) -> int:
        """Visit every still once per epoch, in an order of that epoch's own."""
        epoch, place = divmod(index, len(self._stills))
        if epoch not in self._order:
            shuffled = torch.Generator().manual_seed(self._seed * 7919 + epoch)
            self._order = {epoch: torch.randperm(len(self._stills), generator=shuffled)}
        return int(self._order[epoch][place])

    def _still_clip(self, still: Picture, generator: Generator) -> Clip:
        both = prepare_still(still, self._size)
        times = _draw_times(generator, self._frames)
        window, excursion = None, None
        reach = _GENTLE_REACH if uniform(generator, 0, 1) < self._mix.gentle else 1.0
        if uniform(generator, 0, 1) < self._mix.negative:
            window = find_empty_window(both[3], generator)
        elif uniform(generator, 0, 1) < self._mix.excursion:
            excursion = _draw_excursion(both[3], times[0], generator)
        path = create_path(
            generator, start=times[0], window=window, excursion=excursion, reach=reach
        )
        times = times[-self._frames :]
        padding = "zeros" if window is None else "reflection"
        frames, masks = film(both, path.grids(times, self._size), padding)
        return Clip(self._finish(frames, times, generator, reach), masks)

    def _phantom_clip(self, generator: Generator) -> Clip:
        video = self._phantoms[int(torch.randint(len(self._phantoms), (), generator=generator))]
        now = self._draw_present(video, generator)
        times = _draw_times(generator, self._frames)[-self._frames :]
        loaded = [video.load(max(0, now + int(time))) for time in times]
        frames, masks = stack_frames(loaded, self._size)
        if uniform(generator, 0, 1) < 0.5:
            frames, masks = frames.flip(-1), masks.flip(-1)
        return Clip(self._finish(frames, times, generator), masks)

    def _draw_present(self, video: Scene, generator: Generator) -> int:
        """Draw the last frame of a phantom clip."""
        if self._mix.cut_off and uniform(generator, 0, 1) < self._mix.cut_off and video.cut_off:
            return video.cut_off[int(torch.randint(len(video.cut_off), (), generator=generator))]
        return int(torch.randint(1, len(video), (), generator=generator))

    def _finish(
        self, frames: Tensor, times: list[float], generator: Generator, reach: float = 1.0
    ) -> Tensor:
        """Change appearance and return uint8."""
        if uniform(generator, 0, 1) < self._mix.shaken:
            shaken = -1 - int(uniform(generator, 0, len(frames)))
            length = uniform(generator, 3, 12) * self._size / 256
            angle = uniform(generator, 0, 3.1416)
            frames[shaken] = augment.smear(frames[shaken][None], length, angle)[0]
        look = create_appearance(generator, bubbles=self._mix.bubbles, reach=reach)
        frames = look.apply(frames, times, generator)
        if uniform(generator, 0, 1) < self._mix.spoilt:
            bad = _draw_stretch(len(frames), generator)
            frames[bad] = create_spoiler(generator).spoil(frames[bad], times[bad])
        return augment.to_uint8(augment.add_noise(frames, generator, look.noise_sigma))


def prepare_still(still: Picture, size: int) -> Tensor:
    """Turn a still into [4, H, W] float, RGB and mask in [0, 1], at most about twice `size`."""
    image, mask = still
    picture = torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255
    both = torch.cat((picture, torch.from_numpy(mask.copy())[None].float()))
    # Bilinear sampling skips pixels, and flickers, when the picture is much finer than the view.
    factor = min(both.shape[-2:]) // size
    return F.avg_pool2d(both, factor) if factor > 1 else both


def film(both: Tensor, grids: Tensor, padding: str) -> tuple[Tensor, Tensor]:
    """Look at a prepared still through a camera.

    Args:
        both: [4, H, W] from `prepare_still`.
        grids: [T, S, S, 2] from `CameraPath.grids`.
        padding: `zeros` for black, or `reflection`, around the still.

    Returns:
        Frames [T, 3, S, S] float in [0, 1] and masks [T, 1, S, S] float of 0 and 1.
    """
    sampled = F.grid_sample(
        both.expand(len(grids), -1, -1, -1), grids, align_corners=False, padding_mode=padding
    )
    return sampled[:, :3], (sampled[:, 3:] > 0.5).float()


def stack_frames(loaded: Sequence[Picture], size: int) -> tuple[Tensor, Tensor]:
    """Resize frames of a video: [T, 3, S, S] float in [0, 1], masks [T, 1, S, S] of 0 and 1."""
    frames = [_resize(torch.from_numpy(image.copy()).permute(2, 0, 1), size) for image, _ in loaded]
    masks = [torch.from_numpy(mask.copy())[None, None].float() for _, mask in loaded]
    truth = torch.cat([F.interpolate(mask, (size, size), mode="area") for mask in masks]) > 0.5
    return torch.cat(frames), truth.float()


def _resize(image: Tensor, size: int) -> Tensor:
    """Resize [3, H, W] uint8 to [1, 3, size, size] float in [0, 1]."""
    picture = image[None].float() / 255
    if image.shape[-2:] == (size, size):
        return picture
    return F.interpolate(
        picture, (size, size), mode="bilinear", antialias=True, align_corners=False
    )


def _draw_times(generator: Generator, frames: int) -> list[float]:
    """Draw ages of the memory frames; at least one, so that short clips deform and wander too."""
    ages = 2 + torch.randperm(_OLDEST_FRAMES - 2, generator=generator)[: max(frames - 2, 1)]
    return [-float(age) for age in sorted(ages.tolist(), reverse=True)] + [-1.0, 0.0]


def _draw_excursion(mask: Tensor, start: float, generator: Generator) -> Excursion | None:
    """Draw how the polyp of a still leaves or enters between `start` and the present."""
    window = find_empty_window(mask, generator)
    begins = uniform(generator, start, 0)
    ends = begins + uniform(generator, 3, 20)
    leaves = uniform(generator, 0, 1) < 0.5
    if window is None:
        return None
    times = (begins, ends, _EVER, _EVER) if leaves else (-_EVER, -_EVER, begins, ends)
    return Excursion(window, times)


def _draw_stretch(frames: int, generator: Generator) -> slice:
    """Draw which frames of a clip are bad: the last, the last two, or those in memory."""
    kind = uniform(generator, 0, 1)
    if kind < 0.5 or frames == 1:
        return slice(-1, None)
    if kind < 0.85 or frames == 2:
        return slice(-2, None)
    return slice(None, -2)
