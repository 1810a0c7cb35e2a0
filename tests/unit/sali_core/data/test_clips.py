from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from sali_core.data.clips import ClipDataset, ClipMix, find_empty_window

Picture = tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]


class RedSquares:
    """A red square on green, its mask exact; the corner is always free."""

    def __len__(self) -> int:
        return 4

    def load(self, index: int) -> Picture:
        mask = np.zeros((120, 160), bool)
        mask[60:110, 90:150] = True
        image = np.zeros((120, 160, 3), np.uint8)
        image[..., 1] = 200
        image[mask] = (220, 0, 0)
        return image, mask


class Ramp:
    """A video whose frames are told apart by brightness."""

    def __len__(self) -> int:
        return 100

    def load(self, index: int) -> Picture:
        return np.full((64, 64, 3), 100 + index, np.uint8), np.zeros((64, 64), bool)


def test_the_truth_moves_along_with_the_picture() -> None:
    clips = ClipDataset(RedSquares(), [], size=64, seed=1, mix=ClipMix(negative=0.0, spoilt=0.0))
    agreement = []
    for index in range(20):
        rgb, masks = clips[index]
        assert rgb.dtype == torch.uint8
        assert rgb.shape == (3, 3, 64, 64)
        assert masks.shape == (3, 1, 64, 64)
        red = rgb[:, 0].int() > rgb[:, 1].int() + 30
        agreement.append((red == masks[:, 0].bool()).float().mean())
    assert float(torch.stack(agreement).mean()) > 0.97


def test_a_clip_depends_on_seed_and_index_alone() -> None:
    one, two = (ClipDataset(RedSquares(), [], size=64, seed=2) for _ in range(2))
    two[7]
    assert torch.equal(one[5].rgb, two[5].rgb)
    other = ClipDataset(RedSquares(), [], size=64, seed=3)
    assert not torch.equal(one[5].rgb, other[5].rgb)


def test_neighbours_are_closer_than_the_old_frame() -> None:
    clips = ClipDataset(RedSquares(), [], size=64, seed=4, mix=ClipMix(negative=0.0))
    masks = torch.stack([clips[i].masks for i in range(16)])
    moved_long = (masks[:, 2] != masks[:, 0]).float().mean()
    moved_short = (masks[:, 2] != masks[:, 1]).float().mean()
    assert 0 < float(moved_short) < float(moved_long)


def test_negative_clips_show_no_polyp() -> None:
    clips = ClipDataset(RedSquares(), [], size=64, seed=5, mix=ClipMix(negative=1.0, spoilt=0.0))
    for index in range(10):
        rgb, masks = clips[index]
        if not masks.any():
            assert not (rgb[:, 0].int() > rgb[:, 1].int() + 30).any()
            break
    else:
        raise AssertionError("ten tries gave no negative")


def test_phantom_clips_keep_the_order_of_time() -> None:
    clips = ClipDataset(RedSquares(), [Ramp()], size=64, seed=6, mix=ClipMix(phantom=1.0))
    assert all(not clips[i].masks.any() for i in range(5))


def test_an_empty_window_holds_no_polyp_and_a_full_picture_has_none() -> None:
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(100, 100)
    mask[:40, :40] = 1
    found = find_empty_window(mask, generator, tries=200)
    assert found is not None
    x, y, half = found
    rows = slice(max(int((y - half + 1) * 50), 0), int((y + half + 1) * 50))
    cols = slice(max(int((x - half + 1) * 50), 0), int((x + half + 1) * 50))
    assert not mask[rows, cols].any()
    assert find_empty_window(torch.ones(50, 50), generator) is None
