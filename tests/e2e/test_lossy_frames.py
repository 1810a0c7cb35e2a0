"""Bad networks between publisher, service and viewer: no mask is drawn on another frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.browser import attribute, open_page, serve
from tests.e2e.lossy_room import SPELLING, Conditions, Figures, Room, Viewer, instrument, open_room
from tests.fakes.code_publisher import write_changing_film

pytestmark = pytest.mark.e2e

FRAMES, MASKS = 2000, 300
FRAME_TICKS = 1800
"""From one picture to the next at 50 pictures a second."""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with open_room(tmp_path_factory.mktemp("room"), Conditions()) as room:
        yield room


def assert_right(figures: Figures) -> None:
    assert figures.wrong == 0, figures.examples
    assert figures.unclear == 0, figures.examples
    # The viewer's offer has Chromium wait for a keyframe's parameter sets; what comes spoiled all
    # the same is not shown.
    assert figures.backwards == 0, figures.examples
    assert figures.unreadable == 0, figures.examples


def test_no_mask_is_drawn_on_a_wrong_frame(room: Room) -> None:
    with open_page() as page:
        viewer = room.watch(page)
        viewer.wait_for_masks()
        # A machine that does other work draws fewer masks: it is given more time, not less to show.
        figures = viewer.wait_until(lambda f: f.shown >= FRAMES and f.masks >= MASKS, 300)
        print(figures)
        assert_right(figures)
        assert figures.shown >= FRAMES
        assert figures.masks >= MASKS
        assert len(figures.masked) >= 3, "the source's size changed under way"
        assert attribute(page, "method") == "exact"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"origin_off": -FRAME_TICKS}, id="origin"),
        pytest.param({"pts_off": FRAME_TICKS}, id="pts", marks=pytest.mark.long),
    ],
)
def test_a_viewer_that_is_wrong_by_one_frame_is_caught(room: Room, wrong: dict[str, int]) -> None:
    """The measure itself: without this, no wrong mask would prove nothing."""
    with open_page() as page:
        viewer = room.watch(page, **wrong)
        viewer.wait_for_masks()
        figures = viewer.wait_until(lambda f: f.masks >= 20, 120)
        assert figures.masks >= 20
        # A frame that was lost on the way has no neighbour to be taken for.
        assert figures.wrong >= 0.9 * figures.masks
        assert all(
            abs(example["number"] - example["mask"]) == 1
            for example in figures.examples
            if example["kind"] == "wrong"
        )


@pytest.mark.long
@pytest.mark.hazard("H18")
def test_pictures_that_a_browser_spoils_are_left_out(tmp_path: Path) -> None:
    """Chromium left to itself: it decodes keyframes whose parameter sets are missing."""
    conditions = Conditions(frames_a_size=75, seed=5)
    with open_room(tmp_path, conditions) as room, open_page() as page:
        viewer = room.watch(page, takes_slices=True)
        viewer.wait_for_masks()
        figures = viewer.wait_until(lambda f: f.spoiled_frames >= 40 and f.shown >= 500, 180)
        print(figures)
        assert figures.spoiled_frames >= 40
        assert figures.wrong == 0, figures.examples
        assert figures.unclear == 0, figures.examples
        # One may be shown before the news of the change comes.
        assert figures.backwards + figures.unreadable <= figures.spoiled_frames / 10


@pytest.mark.long
def test_masks_come_back_on_their_frames_after_a_change_of_codec(room: Room) -> None:
    """VP8 instead of H.264, from another publisher; the viewer connects anew."""
    with open_page() as page:
        viewer = room.watch(page)
        viewer.wait_for_masks()
        before = viewer.wait_until(lambda f: f.masks >= 30, 120)
        assert before.masks >= 30
        assert room.session()["video"]["codec"] == "h264"
        room.publish("VP8", [(320, 240), (480, 360)])
        room.service.wait_for("source_state", "playing", 15)
        after = viewer.wait_until(lambda f: f.masks >= before.masks + 100, 120)
        print(after)
        assert_right(after)
        assert after.masks >= before.masks + 100
        assert room.session()["video"]["codec"] == "vp8"
        assert len(room.egress_paths) >= 2


@pytest.mark.long
def test_masks_follow_a_film_that_changes_size_and_rate(tmp_path: Path) -> None:
    sizes = [(640, 480), (320, 240), (640, 360)]
    film = write_changing_film(tmp_path / "film.ts", sizes, [25, 50, 12], frames_each=100)
    with (
        serve(tmp_path, str(film), environment=SPELLING) as service,
        open_page() as page,
    ):
        session = service.wait_for("ai_state", "active")
        instrument(page)
        page.goto(f"{service.url}/#/session/{session['id']}")
        viewer = Viewer(page)
        viewer.wait_for_masks()
        names = {f"{width}x{height}" for width, height in sizes}
        figures = viewer.wait_until(
            lambda f: min(f.masked.get(name, 0) for name in names) >= 10 and f.shown >= 350, 180
        )
        print(figures)
        assert figures.wrong == 0, figures.examples
        assert figures.unclear == 0, figures.examples
        assert min(figures.masked.get(name, 0) for name in names) >= 10
