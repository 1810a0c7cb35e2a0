from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from sali_core.data.phantom import Phantom, PhantomConfig, PhantomFrame, read_frame_code
from sali_core.data.phantom.path import KINDS, Timeline
from sali_core.errors import ConfigError

SMALL = PhantomConfig(width=96, height=72, seconds=60.0)
TINY = PhantomConfig(width=64, height=64, seconds=60.0, degraded=False)


def same(one: PhantomFrame, other: PhantomFrame) -> bool:
    return (
        one.image.tobytes() == other.image.tobytes()
        and one.mask.tobytes() == other.mask.tobytes()
        and one.kind == other.kind
    )


def shows_polyp(config: PhantomConfig, step: int) -> np.ndarray:
    scene = Phantom(config)
    return np.array([scene.render(index).mask.any() for index in range(0, len(scene), step)])


def test_same_seed_gives_the_same_bytes_in_any_order() -> None:
    indices = [0, 700, 3, 1499, 250]
    first = Phantom(SMALL)
    frames = {index: first.render(index) for index in indices}
    second = Phantom(SMALL)
    for index in reversed(indices):
        assert same(second.render(index), frames[index])


def test_every_polyp_has_its_own_number_as_long_as_it_is_seen() -> None:
    scene = Phantom(replace(SMALL, degraded=False, frame_code=False))
    lives: dict[int, list[int]] = {}
    for index in range(0, len(scene), 15):
        frame = scene.render(index)
        numbers = frame.numbers
        assert not numbers[~frame.mask].any()
        assert (numbers[frame.mask] == 0).sum() <= 4 + 0.25 * frame.mask.sum()
        for number in np.unique(numbers[numbers > 0]):
            lives.setdefault(int(number), []).append(index)
    assert len(lives) > 3
    # each polyp is passed once
    assert all(seen[-1] - seen[0] < 15 * 25 for seen in lives.values())


def test_different_seeds_show_different_scenes() -> None:
    images = [Phantom(replace(SMALL, seed=seed)).render(100).image for seed in range(4)]
    for one in range(4):
        for other in range(one):
            difference = np.abs(images[one].astype(int) - images[other]).mean()
            assert difference > 10.0


def test_neighbouring_frames_are_alike() -> None:
    scene = Phantom(replace(SMALL, degraded=False))
    one, two, far = (scene.render(index).image.astype(int) for index in (400, 401, 800))
    assert np.abs(one - two).mean() < 0.5 * np.abs(one - far).mean()


def test_rate_and_size_change_how_a_scene_is_seen_not_what_happens() -> None:
    slow = Phantom(replace(TINY, fps=10.0))
    fast = Phantom(replace(TINY, fps=50.0))
    large = Phantom(replace(TINY, width=128, height=128))
    compared = 0
    for index in range(0, 600, 40):
        mask = slow.render(index).mask
        assert np.array_equal(mask, fast.render(index * 5).mask)
        half = large.render(round(index * 2.5)).mask[::2, ::2]
        if mask.mean() > 0.02:
            compared += 1
            assert (mask & half).sum() / (mask | half).sum() > 0.7
    assert compared >= 1


@pytest.mark.parametrize("size", [(64, 64), (65, 101), (150, 67), (352, 352)])
@pytest.mark.parametrize("pixel_step", [1, 2])
def test_any_size_is_rendered_whole(size: tuple[int, int], pixel_step: int) -> None:
    width, height = size
    config = PhantomConfig(width=width, height=height, pixel_step=pixel_step, border=False)
    frame = Phantom(config).render(30)
    assert frame.image.shape == (height, width, 3)
    assert frame.image.dtype == np.uint8
    assert frame.mask.shape == (height, width)
    assert frame.mask.dtype == np.bool_
    edges = [frame.image[0], frame.image[-1], frame.image[:, 0], frame.image[:, -1]]
    assert all(edge.max() > 20 for edge in edges)


@pytest.mark.parametrize("seed", [0, 2, 5])
def test_polyps_are_in_sight_half_to_three_quarters_of_the_time(seed: int) -> None:
    shown = shows_polyp(replace(TINY, seed=seed), step=10)
    assert 0.48 <= shown.mean() <= 0.76


def test_polyps_enter_and_leave_with_seconds_of_none_between() -> None:
    shown = shows_polyp(TINY, step=5)
    changes = np.flatnonzero(np.diff(shown.astype(int)))
    assert len(changes) >= 6
    gaps = [(end - start) / 5.0 for start, end in pairwise(changes) if not shown[start + 1]]
    assert sum(1.8 <= gap <= 5.5 for gap in gaps) >= 3
    assert max(gaps) < 8.0


def test_scene_without_polyps_has_no_mask_anywhere() -> None:
    assert not shows_polyp(replace(TINY, polyps=False), step=15).any()


def test_mask_lies_where_the_polyps_change_the_picture() -> None:
    config = PhantomConfig(width=160, height=120, degraded=False, border=False, seed=4)
    with_polyps, without = Phantom(config), Phantom(replace(config, polyps=False))
    compared = 0
    for index in range(0, 1500, 50):
        frame = with_polyps.render(index)
        if not 0.02 < frame.mask.mean() < 0.3:
            continue
        bare = without.render(index).image.astype(int)
        change = np.abs(frame.image.astype(int) - bare).max(axis=2)
        compared += 1
        assert change[frame.mask].mean() > 3.0 * change[~frame.mask].mean()
        strong = change > 60
        if strong.sum() > 100:
            assert (strong & frame.mask).sum() > 0.6 * strong.sum()
    assert compared >= 4


def test_kinds_tell_what_the_picture_suffers_from_and_truth_stays() -> None:
    config = replace(SMALL, seconds=240.0)
    clean = Phantom(replace(config, degraded=False))
    spoilt = Phantom(config)
    brightness: dict[str, list[float]] = {kind: [] for kind in KINDS}
    detail: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for index in range(0, len(spoilt), 12):
        frame = spoilt.render(index)
        reference = clean.render(index)
        assert reference.kind == "clear"
        assert np.array_equal(frame.mask, reference.mask)
        picture, wanted = frame.image.astype(float), reference.image.astype(float)
        brightness[frame.kind].append(picture.mean() / wanted.mean())
        steps = np.abs(np.diff(picture[20:-20], axis=1)).mean()
        detail[frame.kind].append(steps / np.abs(np.diff(wanted[20:-20], axis=1)).mean())
    assert all(brightness[kind] for kind in KINDS)
    assert np.median(brightness["clear"]) == pytest.approx(1.0, abs=0.02)
    assert np.median(brightness["dark"]) < 0.75
    assert np.median(brightness["washed_out"]) > 1.3
    assert np.median(detail["blur"]) < 0.8
    assert len(brightness["clear"]) > 0.6 * sum(map(len, brightness.values()))


def test_stretches_begin_and_end_gradually() -> None:
    timeline = Timeline(3, 120.0, degraded=True)
    strengths = np.array([timeline.at(time)[1] for time in np.arange(0.0, 120.0, 0.01)])
    assert strengths.max() > 0.6
    assert np.abs(np.diff(strengths)).max() < 0.06
    assert all(timeline.at(time)[1] == 0.0 for time in (0.0, 1.9))


def test_border_is_a_black_octagon_that_cuts_the_mask() -> None:
    bordered = Phantom(PhantomConfig(width=160, height=120))
    bare = Phantom(PhantomConfig(width=160, height=120, border=False))
    for index in (100, 500, 900):
        frame = bordered.render(index)
        for corner in (np.s_[:4, :4], np.s_[:4, -4:], np.s_[-4:, :4], np.s_[-4:, -4:]):
            assert not frame.image[corner].any()
            assert not frame.mask[corner].any()
        assert frame.image[50:70, 40:120].max() > 20
        assert bare.render(index).image[:4, :4].any()


def test_frame_code_names_the_frame_and_hides_the_truth_below_it() -> None:
    scene = Phantom(PhantomConfig(width=256, height=192, frame_code=True, degraded=False))
    for index in (0, 1, 77, 1203):
        frame = scene.render(index)
        assert read_frame_code(frame.image) == index
        assert not frame.mask[-32:, :256].any()


def test_length_follows_rate_and_seconds() -> None:
    assert len(Phantom(replace(SMALL, seconds=2.0, fps=30.0))) == 60
    assert len(Phantom(replace(SMALL, seconds=0.001))) == 1


@pytest.mark.parametrize("index", [-1, 1500])
def test_frame_outside_the_scene_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match="1500 frames"):
        Phantom(SMALL).render(index)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 63}, "width"),
        ({"height": 5000}, "height"),
        ({"fps": 0.0}, "fps"),
        ({"fps": float("nan")}, "fps"),
        ({"seconds": 0.0}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
        ({"seed": -1}, "seed"),
        ({"pixel_step": 3}, "pixel_step"),
        ({"width": 200, "frame_code": True}, "frame code"),
    ],
)
def test_settings_that_cannot_be_rendered_are_refused_by_name(
    change: dict[str, float], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(PhantomConfig(), **change)


def test_importing_the_phantom_does_not_load_torch() -> None:
    code = "import sys, sali_core.data.phantom; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
