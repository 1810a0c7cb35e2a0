from __future__ import annotations

from sali_core.data.phantom_videos import create_phantom_videos


def test_every_second_scene_has_no_polyp() -> None:
    videos = create_phantom_videos(4, 64, first_seed=7)
    assert len(videos) == 4
    shown = [any(video.load(k)[1].any() for k in range(0, len(video), 50)) for video in videos]
    assert shown == [True, False, True, False]


def test_a_video_renders_at_its_size() -> None:
    image, mask = create_phantom_videos(1, 64, first_seed=7)[0].load(3)
    assert image.shape == (64, 64, 3)
    assert mask.shape == (64, 64)
