from __future__ import annotations

import numpy as np
from scipy import ndimage

from sali_core.data.phantom_videos import create_phantom_videos, is_cut_off


def test_every_second_scene_has_no_polyp() -> None:
    videos = create_phantom_videos(4, 64, first_seed=7)
    assert len(videos) == 4
    shown = [any(video.load(k)[1].any() for k in range(0, len(video), 50)) for video in videos]
    assert shown == [True, False, True, False]


def test_a_video_renders_at_its_size() -> None:
    image, mask = create_phantom_videos(1, 64, first_seed=7)[0].load(3)
    assert image.shape == (64, 64, 3)
    assert mask.shape == (64, 64)


def test_frames_are_known_on_which_the_edge_cuts_off_a_polyp() -> None:
    with_polyps, plain = create_phantom_videos(2, 96, first_seed=8)
    assert plain.cut_off == ()
    assert 2 <= len(with_polyps.cut_off) < len(with_polyps) / 5
    for index in with_polyps.cut_off[::4]:
        image, mask = with_polyps.load(index)
        beside_the_edge = ndimage.binary_dilation(~image.any(-1), iterations=3)
        assert (mask & beside_the_edge).any()


def test_a_polyp_within_the_picture_is_not_cut_off() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[4:60, 4:60] = 90
    for left, is_cut in ((4, True), (30, False)):
        mask = np.zeros((64, 64), bool)
        mask[20:30, left : left + 10] = True
        assert is_cut_off(image, mask) == is_cut


def test_a_speck_at_the_edge_is_no_polyp_cut_off() -> None:
    mask = np.zeros((64, 64), bool)
    mask[20:23, 0:3] = True
    assert not is_cut_off(np.full((64, 64, 3), 90, np.uint8), mask)
