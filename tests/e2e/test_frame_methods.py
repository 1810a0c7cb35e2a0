"""Browsers that lack what exact frames need: still no mask on another frame."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sali_core.data.phantom.frame_code import read_frame_code
from server.bench.marker_model import PLACES, place_of
from server.masks.look import OUTLINE_RGB
from tests.e2e.browser import MARKER, open_page, serve, video_picture, wait_attribute
from tests.e2e.conftest import PhantomFile
from tests.e2e.lossy_room import Conditions, Room, open_room
from tests.fakes.lossy_path import Weather

pytestmark = [pytest.mark.e2e, pytest.mark.long]

NO_PROCESSOR = "delete window.MediaStreamTrackProcessor;"
NO_FRAMES = "delete window.VideoFrame;"
NO_TIMESTAMPS = """(() => {
  const { requestVideoFrameCallback } = HTMLVideoElement.prototype;
  HTMLVideoElement.prototype.requestVideoFrameCallback = function (callback) {
    return requestVideoFrameCallback.call(this, (now, metadata) => {
      const { rtpTimestamp: _, ...rest } = metadata;
      callback(now, rest);
    });
  };
})();"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    weather = Weather(loss=0.02, jitter_ms=40, reorder=0.05)
    conditions = Conditions(weather, weather, socket_jitter_ms=20)
    with open_room(tmp_path_factory.mktemp("room"), conditions) as room:
        yield room


def test_pictures_of_a_video_element_are_checked_one_by_one(room: Room) -> None:
    with open_page() as page:
        page.add_init_script(NO_PROCESSOR)
        viewer = room.watch(page)
        viewer.wait_for_masks()
        wait_attribute(page, "method", "checked")
        figures = viewer.wait_until(lambda f: f.masks >= 100, 180)
        print(figures)
        assert figures.wrong == 0, figures.examples
        assert figures.unclear == 0, figures.examples
        assert figures.masks >= 100


def test_a_wrong_origin_is_caught_there_too(room: Room) -> None:
    with open_page() as page:
        page.add_init_script(NO_PROCESSOR)
        viewer = room.watch(page, origin_off=1800)
        viewer.wait_for_masks()
        figures = viewer.wait_until(lambda f: f.masks >= 20, 120)
        assert figures.wrong >= 0.9 * figures.masks > 0


def burned_pictures(page: Any, wanted: int, timeout_s: float) -> list[tuple[int, int]]:
    """The number in each burned picture that has an outline, and the place the outline tells."""
    seen: list[tuple[int, int]] = []
    deadline = time.monotonic() + timeout_s
    while len(seen) < wanted and time.monotonic() < deadline:
        page.wait_for_timeout(30)
        pixels = video_picture(page)
        if pixels is None:
            continue
        number = read_frame_code(pixels)
        line = np.abs(pixels.astype(int) - np.array(OUTLINE_RGB)).max(-1) < 90
        rows, columns = np.nonzero(line)
        if number is None or rows.size < 20:
            continue
        height, width = line.shape
        centre = ((columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2)
        at = centre[0] / width, centre[1] / height
        distances = [np.hypot(at[0] - x, at[1] - y) for x, y in map(place_of, range(PLACES))]
        seen.append((number, int(np.argmin(distances))))
    return seen


@pytest.mark.parametrize(
    "lack", [NO_PROCESSOR + NO_FRAMES, NO_PROCESSOR + NO_TIMESTAMPS], ids=["frames", "timestamps"]
)
def test_the_server_draws_where_frames_cannot_be_told_apart(
    lack: str, phantom_file: PhantomFile, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("burned")
    with (
        serve(folder, str(phantom_file.path), environment=MARKER) as service,
        open_page() as page,
    ):
        page.add_init_script(lack)
        session = service.wait_for("ai_state", "active")
        page.goto(f"{service.url}/#/session/{session['id']}")
        wait_attribute(page, "method", "burned")
        seen = burned_pictures(page, 20, 60)
        assert len(seen) >= 20
        assert [place for _, place in seen] == [number % PLACES for number, _ in seen]
        assert service.sessions()[0]["viewers"] == 1
