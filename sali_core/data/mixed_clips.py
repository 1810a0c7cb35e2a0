"""Steps of clips, and between them steps of single pictures: memory is learned, and so are stills.

Single pictures teach appearance fastest, since no two of a batch show the same polyp; clips teach
what to make of a predecessor and of memory. Trained on one alone a network loses the other.
"""

from __future__ import annotations

import torch
from torch.utils.data import Dataset

from sali_core.data.augment import uniform
from sali_core.data.pictures import Clip


class MixedClips(Dataset[Clip]):
    """Gives every item of a step a leading dimension: N clips of T frames that are one item.

    A step of clips has N = 1, a step of single pictures N = `frames` and T = 1, so that all steps
    hold the same number of frames. Item i depends on (seed, i) alone.
    """

    def __init__(
        self,
        clips: Dataset[Clip],
        singles: Dataset[Clip],
        *,
        frames: int,
        batch: int,
        single_share: float,
        seed: int,
    ) -> None:
        """Mix two endless supplies.

        Args:
            clips: Of `frames` frames each.
            singles: Of one frame each.
            frames: Frames of a clip.
            batch: Items of a step, over all processes together.
            single_share: Share of the steps that take single pictures, in [0, 1].
            seed: Draws which steps those are.
        """
        self._clips = clips
        self._singles = singles
        self._frames = frames
        self._batch = batch
        self._single_share = single_share
        self._seed = seed

    def __getitem__(self, index: int) -> Clip:
        if not self.takes_singles(index // self._batch):
            rgb, masks = self._clips[index]
            return Clip(rgb[None], masks[None])
        first = index * self._frames
        pictures = [self._singles[first + k] for k in range(self._frames)]
        return Clip(
            torch.stack([picture.rgb for picture in pictures]),
            torch.stack([picture.masks for picture in pictures]),
        )

    def takes_singles(self, step: int) -> bool:
        """Tell whether a step, counted from 0, takes single pictures."""
        generator = torch.Generator().manual_seed(self._seed * 7_368_787 + step)
        return uniform(generator, 0, 1) < self._single_share
