from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import pytest

from server.media.region import AUTO, FULL
from server.video_frames import frames_with_regions
from tests.fakes.layouts import Layout

LAYOUT = Layout("right", (320, 240), (80, 10, 230, 220), "rounded")


def _frames(count: int, layout: Layout = LAYOUT) -> list[av.VideoFrame]:
    return [
        av.VideoFrame.from_ndarray(np.ascontiguousarray(layout.render(index)), "rgb24")
        for index in range(count)
    ]


def test_frames_from_before_the_region_was_found_get_it_too() -> None:
    frames = _frames(12)
    found = list(frames_with_regions(frames, AUTO))
    assert [one.frame for one in found] == frames
    assert len({one.region for one in found}) == 1
    assert not any(one.is_new_region for one in found)
    x, y, width, height = found[0].region
    assert max(abs(x - 80), abs(y - 10), abs(width - 230), abs(height - 220)) <= 6


def test_a_film_that_is_over_too_soon_is_seen_whole() -> None:
    assert [one.region for one in frames_with_regions(_frames(2), AUTO)] == [(0, 0, 320, 240)] * 2
    assert [one.region for one in frames_with_regions(_frames(1), FULL)] == [(0, 0, 320, 240)]


@pytest.mark.parametrize("times", ["zero", "absent", "falling"])
def test_few_pictures_are_held_where_times_do_not_grow(times: str) -> None:
    read = 0

    def film() -> Iterator[av.VideoFrame]:
        nonlocal read
        for number in range(500):
            read += 1
            frame = av.VideoFrame(320, 240, "yuv420p")  # plain: no region is found in it
            frame.time_base = Fraction(1, 25)
            frame.pts = {"zero": 0, "absent": None, "falling": 500 - number}[times]
            yield frame

    found = frames_with_regions(film(), AUTO)
    next(found)
    assert read < 30
    assert 1 + sum(1 for _ in found) == 500


def test_another_region_is_told_once() -> None:
    other = Layout("left", (320, 240), (0, 10, 180, 220))
    found = list(frames_with_regions([*_frames(12), *_frames(30, other)], AUTO))
    assert len(found) == 42
    assert [one.is_new_region for one in found].count(True) == 1
