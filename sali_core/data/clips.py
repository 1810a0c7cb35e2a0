"""Training clips: an older frame for the memory, then two neighbouring frames.

A clip comes from a still (a camera path over it, with changes of exposure, focus and quality) or
from the phantom. Clip `i` depends on (seed, i) alone, so training can resume at any step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from sali_core.data import augment
from sali_core.data.augment import uniform

_HALF_TURN = 3.1416


class Clip(NamedTuple):
    """rgb [T, 3, S, S] uint8 and masks [T, 1, S, S] float32 of 0 and 1."""

    rgb: Tensor
    masks: Tensor


class Pictures(Protocol):
    """Pictures with masks, by index: a set of stills, or the frames of one video."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def load(self, index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
        """Return image [H, W, 3] uint8 and mask [H, W] bool."""
        ...


@dataclass(frozen=True)
class ClipMix:
    """Shares of the kinds of clips.

    Attributes:
        phantom: Clips from the phantom, when there are phantom videos.
        negative: Of the others, crops of stills that hold no polyp.
        spoilt: Clips whose last frame is of bad quality.
    """

    phantom: float = 0.3
    negative: float = 0.15
    spoilt: float = 0.15


class ClipDataset(torch.utils.data.Dataset[Clip]):
    """An endless supply of clips; `dataset[i]` is deterministic by (seed, i)."""

    def __init__(
        self,
        stills: Pictures,
        phantoms: Sequence[Pictures],
        *,
        size: int,
        seed: int,
        mix: ClipMix | None = None,
    ) -> None:
        self._stills = stills
        self._phantoms = phantoms
        self._size = size
        self._seed = seed
        self._mix = mix or ClipMix()
        self._order: dict[int, Tensor] = {}

    def __getitem__(self, index: int) -> Clip:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + index)
        if self._phantoms and uniform(generator, 0, 1) < self._mix.phantom:
            return self._phantom_clip(generator)
        image, mask = self._stills.load(self._still_index(index))
        return self._still_clip(image, mask, generator)

    def _still_index(self, index: int) -> int:
        """Visit every still once per epoch, in an order of that epoch's own."""
        epoch, place = divmod(index, len(self._stills))
        if epoch not in self._order:
            shuffled = torch.Generator().manual_seed(self._seed * 7919 + epoch)
            self._order = {epoch: torch.randperm(len(self._stills), generator=shuffled)}
        return int(self._order[epoch][place])

    def _still_clip(
        self, image: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], generator: Generator
    ) -> Clip:
        picture = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
        truth = torch.from_numpy(np.array(mask))[None].float()
        window = None
        if uniform(generator, 0, 1) < self._mix.negative:
            window = find_empty_window(truth[0], generator)
        path = camera_path(generator, window)
        grid = F.affine_grid(path, [len(path), 3, self._size, self._size], align_corners=False)
        both = torch.cat((picture, truth)).expand(len(path), -1, -1, -1)
        padding = "zeros" if window is None else "reflection"
        sampled = F.grid_sample(both, grid, align_corners=False, padding_mode=padding)
        return Clip(self._finish(sampled[:, :3], generator), (sampled[:, 3:] > 0.5).float())

    def _phantom_clip(self, generator: Generator) -> Clip:
        video = self._phantoms[int(torch.randint(len(self._phantoms), (), generator=generator))]
        now = int(torch.randint(1, len(video), (), generator=generator))
        old = max(0, now - int(torch.randint(2, 60, (), generator=generator)))
        loaded = [video.load(i) for i in (old, now - 1, now)]
        frames = torch.stack([torch.from_numpy(np.array(image)) for image, _ in loaded])
        masks = torch.stack([torch.from_numpy(np.array(mask)) for _, mask in loaded])
        size = (self._size, self._size)
        rgb = frames.permute(0, 3, 1, 2).float() / 255
        rgb = F.interpolate(rgb, size, mode="bilinear", antialias=True, align_corners=False)
        truth = F.interpolate(masks[:, None].float(), size, mode="area") > 0.5
        if uniform(generator, 0, 1) < 0.5:
            rgb, truth = rgb.flip(-1), truth.flip(-1)
        return Clip(self._finish(rgb, generator), truth.float())

    def _finish(self, frames: Tensor, generator: Generator) -> Tensor:
        """Change appearance and return uint8."""
        frames = augment.shift_colour(frames, generator)
        if uniform(generator, 0, 1) < 0.3:
            frames = augment.add_glare(frames, generator)
        if uniform(generator, 0, 1) < 0.25:
            frames = augment.blur(frames, uniform(generator, 0.5, 2.0))
        exposure = torch.tensor([uniform(generator, 0.93, 1.07) for _ in frames])
        frames = frames * exposure.view(-1, 1, 1, 1)
        if uniform(generator, 0, 1) < self._mix.spoilt:
            frames = torch.cat((frames[:-1], augment.spoil(frames[-1], generator)[None]))
        frames = augment.add_noise(frames, generator, uniform(generator, 0.0, 0.02))
        return (frames.clamp(0, 1) * 255).round().to(torch.uint8)


def camera_path(generator: Generator, window: tuple[float, float, float] | None = None) -> Tensor:
    """Draw the camera's view at the three frames of a clip: an old one and two neighbours.

    Args:
        generator: Source of randomness.
        window: Centre x, y and half size in [-1, 1] coordinates to stay inside; None roams freely.

    Returns:
        [3, 2, 3] affine matrices from view to picture, for `affine_grid`.
    """
    if window is None:
        centre = torch.tensor([uniform(generator, -0.25, 0.25), uniform(generator, -0.25, 0.25)])
        scale, roam = uniform(generator, 0.5, 1.1), 1.0
    else:
        centre, scale, roam = torch.tensor(window[:2]), window[2] * 0.9, 0.1 * window[2]
    turned = uniform(generator, 0, 1) < 0.5
    angle = uniform(generator, -_HALF_TURN, _HALF_TURN) if turned else 0.0
    flip = torch.tensor([[1.0 if uniform(generator, 0, 1) < 0.5 else -1.0] for _ in range(2)])
    stretch = torch.tensor([uniform(generator, 0.85, 1.18), 1.0])
    matrices = []
    # The last frame is the present one, the middle its predecessor, the first lies further back.
    for reach in (0.25, 0.025, 0.0):
        turn = torch.tensor(angle + roam * reach * uniform(generator, -1.5, 1.5))
        zoom = scale * (1 + roam * reach * uniform(generator, -0.8, 0.8))
        drift = torch.tensor([uniform(generator, -1, 1), uniform(generator, -1, 1)])
        rotation = torch.stack((turn.cos(), -turn.sin(), turn.sin(), turn.cos())).view(2, 2)
        view = flip * rotation * stretch * zoom
        matrices.append(torch.cat((view, (centre + roam * reach * drift)[:, None]), 1))
    return torch.stack(matrices)


def find_empty_window(
    mask: Tensor, generator: Generator, tries: int = 20
) -> tuple[float, float, float] | None:
    """Find a square part of a picture that shows no polyp.

    Args:
        mask: [H, W], nonzero where there is a polyp.
        generator: Source of randomness.
        tries: Random windows to look at.

    Returns:
        Centre x, y and half size in [-1, 1] coordinates, or None if every try held polyp.
    """
    h, w = mask.shape
    for _ in range(tries):
        half = uniform(generator, 0.3, 0.55)
        x = uniform(generator, -1 + half, 1 - half)
        y = uniform(generator, -1 + half, 1 - half)
        reach = half * 1.45  # a turned window reaches out by the square root of two
        rows = slice(max(int((y - reach + 1) / 2 * h), 0), int((y + reach + 1) / 2 * h) + 1)
        cols = slice(max(int((x - reach + 1) / 2 * w), 0), int((x + reach + 1) / 2 * w) + 1)
        if not mask[rows, cols].any():
            return x, y, half
    return None
