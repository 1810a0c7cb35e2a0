"""Training clips from real video: the present frame, its predecessor, and frames of the past.

This is the sampling of the paper (SALI, section 2.3): memory frames are drawn from the past of the
same case. How far back its authors reach is not published; here any past frame may come.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from sali_core.data import augment
from sali_core.data.appearance import create_colour
from sali_core.data.augment import uniform
from sali_core.data.clips import film, prepare_still
from sali_core.data.pictures import Clip, Pictures
from sali_core.errors import ConfigError, DatasetError


class VideoClips(torch.utils.data.Dataset[Clip]):
    """An endless supply of clips from videos with masks; `dataset[i]` depends on (seed, i) alone.

    `len(dataset)` clips are one epoch: every frame of every video is the present one once.
    """

    def __init__(
        self,
        videos: Sequence[Pictures],
        *,
        size: int,
        seed: int,
        memory: int = 1,
        augmented: bool = True,
    ) -> None:
        """Choose the videos.

        Args:
            videos: For example `SunSeg(root).cases("train")`.
            size: Height and width of a frame, pixels.
            seed: Of everything drawn.
            memory: Memory frames per clip; T = memory + 2.
            augmented: Flip, turn, crop and tint, all frames of a clip alike; otherwise resize only.

        Raises:
            ConfigError: `memory` is negative.
            DatasetError: There is no frame in any video.
        """
        if memory < 0:
            raise ConfigError(f"memory frames of a clip cannot be fewer than 0, got {memory}")
        self._videos = videos
        self._ends = list(accumulate(len(video) for video in videos))
        if not self._ends or not self._ends[-1]:
            raise DatasetError("no frames in any of the videos to train on")
        self._size = size
        self._seed = seed
        self._memory = memory
        self._augmented = augmented
        self._order: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> Clip:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + index)
        video, now = self._place(index)
        chosen = draw_frames(now, self._memory, generator)
        grid = _draw_view(generator, self._size, augmented=self._augmented)
        # Memory frames may repeat early in a video; each is read once.
        filmed = {
            k: film(prepare_still(video.load(k), self._size), grid, "zeros") for k in set(chosen)
        }
        frames = torch.cat([filmed[k][0] for k in chosen])
        if self._augmented:
            frames = create_colour(generator).apply(frames)
        return Clip(augment.to_uint8(frames), torch.cat([filmed[k][1] for k in chosen]))

    def _place(self, index: int) -> tuple[Pictures, int]:
        """Return the video of a clip and its present frame, in an order of each epoch's own."""
        epoch, place = divmod(index, len(self))
        if epoch not in self._order:
            shuffled = torch.Generator().manual_seed(self._seed * 7919 + epoch)
            self._order = {epoch: torch.randperm(len(self), generator=shuffled)}
        frame = int(self._order[epoch][place])
        video = bisect_right(self._ends, frame)
        return self._videos[video], frame - (self._ends[video - 1] if video else 0)


def draw_frames(now: int, memory: int, generator: Generator) -> list[int]:
    """Draw which frames of a video make a clip.

    Args:
        now: Place of the present frame; the first frame is its own predecessor and past.
        memory: Memory frames wanted; drawn evenly from all before the predecessor, repeated only
            where there are too few.
        generator: Source of randomness.

    Returns:
        Memory frames in order of time, the predecessor, the present frame: memory + 2 places.
    """
    past = max(now - 1, 1)
    if past >= memory:
        drawn = torch.randperm(past, generator=generator)[:memory]
    else:
        drawn = torch.randint(past, (memory,), generator=generator)
    return [*sorted(drawn.tolist()), max(now - 1, 0), now]


def _draw_view(generator: Generator, size: int, *, augmented: bool) -> Tensor:
    """Draw the part of the picture that all frames of a clip show, [1, size, size, 2]."""
    view = torch.eye(2, 3)
    if augmented:
        angle = uniform(generator, -math.pi / 6, math.pi / 6)
        scale = uniform(generator, 0.7, 1.05)
        flips = [1.0 if uniform(generator, 0, 1) < 0.5 else -1.0 for _ in range(2)]
        turn = torch.tensor(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        )
        view[:, :2] = torch.diag(torch.tensor(flips)) @ turn * scale
        free = max(1 - scale, 0.0)
        view[:, 2] = free * (2 * torch.rand(2, generator=generator) - 1)
    return F.affine_grid(view[None], [1, 1, size, size], align_corners=False)
