from __future__ import annotations

import numpy as np
import pytest
import torch

from sali_core.data.pictures import Picture
from sali_core.data.still_video import empty_video, still_video
from sali_core.errors import ConfigError


def _still() -> Picture:
    mask = np.zeros((120, 160), bool)
    mask[30:60, 90:120] = True
    image = np.random.default_rng(0).integers(60, 120, (120, 160, 3)).astype(np.uint8)
    image[mask] = (230, 40, 40)
    return image, mask


def test_shapes_and_the_number_of_spoilt_frames() -> None:
    video = still_video(_still(), 70, 1, 48, 3)
    assert video.rgb.shape == (70, 3, 48, 48)
    assert video.rgb.dtype == torch.uint8
    assert video.masks.shape == (70, 1, 48, 48)
    assert video.is_spoilt.shape == (70,)
    assert 3 * 6 <= int(video.is_spoilt.sum()) <= 3 * 15
    starts = (video.is_spoilt[1:] & ~video.is_spoilt[:-1]).sum()
    assert int(starts) == 3
    assert not video.is_spoilt[:15].any()


@pytest.mark.parametrize("seed", range(15))
def test_the_tightest_video_still_holds_its_stretches(seed: int) -> None:
    spoilt = still_video(_still(), 10 + 2 * 20, seed, 16, 2).is_spoilt
    assert int((spoilt[1:] & ~spoilt[:-1]).sum()) == 2


def test_a_video_depends_on_its_seed_alone() -> None:
    one, two, other = (still_video(_still(), 40, seed, 32, 1) for seed in (5, 5, 6))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one.rgb, other.rgb)


def test_good_frames_are_the_same_with_and_without_stretches() -> None:
    good, bad = (still_video(_still(), 60, 2, 48, count) for count in (0, 2))
    assert not good.is_spoilt.any()
    assert torch.equal(good.masks, bad.masks)
    assert torch.equal(good.rgb[~bad.is_spoilt], bad.rgb[~bad.is_spoilt])
    change = (good.rgb.float() - bad.rgb.float()).abs().mean((1, 2, 3))
    assert float(change[bad.is_spoilt].min()) > 2


def test_a_longer_video_begins_like_a_shorter_one() -> None:
    short, long = (still_video(_still(), frames, 3, 32) for frames in (20, 40))
    assert torch.equal(short.masks, long.masks[:20])
    assert torch.equal(short.rgb[:16], long.rgb[:16])


def test_neighbours_move_little() -> None:
    masks = still_video(_still(), 50, 4, 64).masks
    step = (masks[1:] != masks[:-1]).float().mean()
    leap = (masks[30:] != masks[:-30]).float().mean()
    assert 0 < float(step) < float(leap)


def test_an_excursion_takes_the_polyp_away_and_brings_it_back() -> None:
    shown = still_video(_still(), 90, 1, 48, excursion=True).masks.flatten(1).any(1)
    assert shown[:30].all()
    assert not shown[40:50].any()
    assert shown[62:].all()


def test_too_many_stretches_are_refused() -> None:
    with pytest.raises(ConfigError, match="3 bad stretches need 70 frames or more, got 69"):
        still_video(_still(), 69, 0, 32, 3)
    with pytest.raises(ConfigError, match="got 0"):
        still_video(_still(), 0, 0, 32)


@pytest.mark.parametrize("seed", range(8))
def test_an_empty_video_never_shows_the_polyp(seed: int) -> None:
    video = empty_video(_still(), 40, seed, 48)
    assert video is not None
    assert video.rgb.shape == (40, 3, 48, 48)
    assert not video.masks.any()
    red = video.rgb[:, 0].float() / video.rgb.float().sum(1).clamp_min(1)
    assert float((red > 0.65).float().mean()) < 0.01
    again = empty_video(_still(), 40, seed, 48)
    assert again is not None
    assert torch.equal(video.rgb, again.rgb)


def test_a_still_that_is_all_polyp_has_no_empty_video() -> None:
    image, _ = _still()
    assert empty_video((image, np.ones((120, 160), bool)), 10, 0, 32) is None
    with pytest.raises(ConfigError, match="1 frame or more, got 0"):
        empty_video(_still(), 0, 0, 32)
