from __future__ import annotations

import numpy as np
import pytest
import torch

from sali_core.data.clips import ClipDataset, ClipMix, prepare_still
from sali_core.data.pictures import Picture
from sali_core.errors import ConfigError


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

    cut_off = (40, 60)

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
    clips = ClipDataset(
        RedSquares(), [Ramp()], size=64, seed=6, mix=ClipMix(phantom=1.0, spoilt=0.0)
    )
    brightness = torch.stack([clips[i].rgb.float().mean((1, 2, 3)) for i in range(20)])
    assert float(brightness[:, 0].mean()) < float(brightness[:, 2].mean()) - 10
    assert float((brightness[:, 2] - brightness[:, 1]).abs().mean()) < 12
    assert all(not clips[i].masks.any() for i in range(5))


def test_phantom_clips_end_where_a_polyp_is_cut_off_as_often_as_asked() -> None:
    def shares(cut_off: float) -> float:
        mix = ClipMix(phantom=1.0, cut_off=cut_off, spoilt=0.0, shaken=0.0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ClipDataset, "_finish", lambda self, frames, *_: frames)
            clips = ClipDataset(RedSquares(), [Ramp()], size=64, seed=6, frames=1, mix=mix)
            shown = [round(float(clips[i].rgb.mean()) * 255) - 100 for i in range(60)]
        return sum(number in Ramp.cut_off for number in shown) / len(shown)

    assert shares(1.0) == 1.0
    assert 0.3 < shares(0.5) < 0.7
    assert shares(0.0) < 0.1


@pytest.mark.parametrize("frames", [1, 2, 3, 6])
def test_a_clip_has_the_frames_asked_for(frames: int) -> None:
    for phantom in (0.0, 1.0):
        mix = ClipMix(phantom=phantom)
        clips = ClipDataset(RedSquares(), [Ramp()], size=32, seed=0, frames=frames, mix=mix)
        rgb, masks = clips[0]
        assert rgb.shape == (frames, 3, 32, 32)
        assert masks.shape == (frames, 1, 32, 32)


def test_impossible_lengths_are_refused() -> None:
    for frames in (0, 61):
        with pytest.raises(ConfigError, match="frames of a clip must be 1 to 60"):
            ClipDataset(RedSquares(), [], size=32, seed=0, frames=frames)


def test_polyps_leave_and_enter() -> None:
    mix = ClipMix(negative=0.0, spoilt=0.0, excursion=1.0)
    clips = ClipDataset(RedSquares(), [], size=48, seed=7, frames=3, mix=mix)
    shown = [clips[i].masks.flatten(1).any(1).tolist() for i in range(60)]
    assert any(old and not now for old, _, now in shown)
    assert any(now and not old for old, _, now in shown)


def test_without_excursions_the_polyp_mostly_stays() -> None:
    mix = ClipMix(negative=0.0, spoilt=0.0, excursion=0.0)
    clips = ClipDataset(RedSquares(), [], size=48, seed=7, mix=mix)
    shown = [bool(clips[i].masks[-1].any()) for i in range(60)]
    assert sum(shown) > 50


def test_a_spoilt_clip_keeps_its_truth() -> None:
    good, bad = (
        ClipDataset(RedSquares(), [], size=48, seed=8, mix=ClipMix(spoilt=share))
        for share in (0.0, 1.0)
    )
    changed = []
    for index in range(12):
        assert torch.equal(good[index].masks, bad[index].masks)
        difference = (good[index].rgb.float() - bad[index].rgb.float()).abs().mean((1, 2, 3))
        changed.append((difference > 5).tolist())
    assert any(last and not before for _, before, last in changed)
    assert any(last and before for _, before, last in changed)


def test_a_much_finer_still_is_filmed_without_skipping_pixels() -> None:
    image = np.zeros((512, 512, 3), np.uint8)
    image[::2] = 255  # stripes that a bilinear sample would hit or miss
    both = prepare_still((image, np.zeros((512, 512), bool)), 64)
    assert both.shape == (4, 64, 64)
    assert torch.allclose(both[:3], torch.tensor(0.5), atol=0.01)


def test_gentle_clips_stay_closer_to_their_still() -> None:
    def shares(gentle: float) -> list[float]:
        """Share of the view that the polyp of a still covers, over clips."""
        mix = ClipMix(negative=0, spoilt=0, excursion=0, bubbles=0, shaken=0, gentle=gentle)
        clips = ClipDataset(RedSquares(), [], size=64, seed=2, frames=1, mix=mix)
        return [float(clips[i].masks.mean()) for i in range(24)]

    whole = float(RedSquares().load(0)[1].mean())
    gentle, free = (sum(abs(s - whole) for s in shares(g)) for g in (1.0, 0.0))
    assert gentle < 0.6 * free
