from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sali_core.data.pictures import Picture
from sali_core.data.sun_seg import SunSeg
from sali_core.data.video_clips import VideoClips, draw_frames
from sali_core.errors import ConfigError, DatasetError
from tests.fakes.sun_seg_tree import write_sun_seg


class Video:
    """Frame k of video v is 100 v + k bright; a bright square is the polyp of every frame."""

    def __init__(self, number: int, frames: int) -> None:
        self._number, self._frames = number, frames

    def __len__(self) -> int:
        return self._frames

    def load(self, index: int) -> Picture:
        image = np.full((40, 50, 3), 100 * self._number + index, np.uint8)
        mask = np.zeros((40, 50), bool)
        mask[10:30, 15:35] = True
        image[mask] = 250
        return image, mask


def _brightness(rgb: torch.Tensor) -> list[int]:
    return rgb[:, 0].flatten(1).median(1).values.tolist()


@pytest.mark.parametrize("now", [0, 1, 2, 3, 5, 50])
def test_memory_comes_from_the_past_and_in_order(now: int) -> None:
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        *memory, before, present = draw_frames(now, 4, generator)
        assert (before, present) == (max(now - 1, 0), now)
        assert len(memory) == 4
        assert memory == sorted(memory)
        assert memory[0] >= 0
        assert memory[-1] < max(now - 1, 1)
        if now >= 5:
            assert len(set(memory)) == 4


def test_memory_reaches_the_whole_past() -> None:
    generator = torch.Generator().manual_seed(0)
    oldest = {draw_frames(20, 1, generator)[0] for _ in range(400)}
    assert oldest == set(range(19))


@pytest.mark.parametrize("memory", [0, 1, 3])
def test_frames_of_a_clip_come_from_one_video_in_order_of_time(memory: int) -> None:
    clips = VideoClips([Video(0, 6), Video(1, 9)], size=32, seed=0, memory=memory, augmented=False)
    for index in range(len(clips)):
        rgb, masks = clips[index]
        assert rgb.shape == (memory + 2, 3, 32, 32)
        assert rgb.dtype == torch.uint8
        assert masks.shape == (memory + 2, 1, 32, 32)
        values = _brightness(rgb)
        assert values == sorted(values)
        assert len({value // 100 for value in values}) == 1
        assert values[-1] - values[-2] in (0, 1)


def test_every_frame_is_the_present_one_once_an_epoch() -> None:
    clips = VideoClips([Video(0, 6), Video(1, 9)], size=16, seed=3, augmented=False)
    expected = sorted([*range(6), *range(100, 109)])
    for epoch in range(2):
        first = epoch * len(clips)
        present = [_brightness(clips[first + k].rgb)[-1] for k in range(len(clips))]
        assert sorted(present) == expected
    order = [[_brightness(clips[e * 15 + k].rgb)[-1] for k in range(15)] for e in range(2)]
    assert order[0] != order[1]


def test_a_clip_depends_on_seed_and_index_alone() -> None:
    one, two = (VideoClips([Video(0, 20)], size=32, seed=4, memory=2) for _ in range(2))
    two[3]
    assert torch.equal(one[11].rgb, two[11].rgb)
    other = VideoClips([Video(0, 20)], size=32, seed=5, memory=2)
    assert not torch.equal(one[11].rgb, other[11].rgb)


def test_all_frames_are_changed_alike_and_the_truth_with_them() -> None:
    clips = VideoClips([Video(0, 5)], size=64, seed=1, memory=2)
    agreement = []
    for index in range(10):
        rgb, masks = clips[index]
        assert torch.equal(masks, masks[:1].expand_as(masks))
        bright = rgb[:, 1].float() > 0.5 * rgb[:, 1].float().amax((1, 2), keepdim=True)
        agreement.append((bright == masks[:, 0].bool()).float().mean())
    assert float(torch.stack(agreement).min()) > 0.97
    assert len({int(clips[k].masks.sum()) for k in range(10)}) > 3


def test_sun_seg_cases_become_clips(tmp_path: Path) -> None:
    cases = SunSeg(write_sun_seg(tmp_path, cases=2, frames=6)).cases("train")
    clips = VideoClips(cases, size=32, seed=0, memory=3)
    assert len(clips) == 12
    rgb, masks = clips[0]
    assert rgb.shape == (5, 3, 32, 32)
    assert masks.any()


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(DatasetError, match="no frames in any of the videos"):
        VideoClips([Video(0, 0)], size=32, seed=0)
    with pytest.raises(ConfigError, match="fewer than 0, got -1"):
        VideoClips([Video(0, 1)], size=32, seed=0, memory=-1)
