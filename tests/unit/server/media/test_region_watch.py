"""The picture's region over time, on frames whose layout is known."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from server.media.region import AUTO, FULL, Rectangle, rectangle_choice
from server.media.region_watch import LONGEST_SEARCH_S, RegionWatch
from tests.fakes.layouts import LAYOUTS, Frame, Layout

DATA = Path(__file__).parents[5] / "shared" / "data"
FPS = 25
BY_NAME = {layout.name: layout for layout in LAYOUTS}


class Player:
    """Shows frames to a watch at 25 a second and notes what became of the region."""

    def __init__(self, watch: RegionWatch, pixel_format: str = "yuv420p") -> None:
        self.watch = watch
        self.changes: list[tuple[float, Rectangle | None]] = []
        self.time_s = 0.0
        self._format = pixel_format

    def show(self, frames: Iterable[Frame | av.VideoFrame]) -> None:
        for frame in frames:
            picture = frame if isinstance(frame, av.VideoFrame) else self.stored(frame)
            size = (picture.width, picture.height)
            if self.watch.take(picture, size, self.time_s):
                self.changes.append((self.time_s, self.watch.region))
            self.time_s += 1 / FPS

    def stored(self, pixels: Frame) -> av.VideoFrame:
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
        return picture.reformat(format=self._format)


def iou(a: Rectangle | None, b: Rectangle) -> float:
    assert a is not None
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def frames(
    layout: Layout, count: int = FPS, start: int = 0, brightness: float = 1.0
) -> list[Frame]:
    return [layout.render(start + index, brightness) for index in range(count)]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@pytest.mark.hazard("H15", "H17")
def test_the_picture_is_found_within_half_a_second(layout: Layout) -> None:
    player = Player(RegionWatch(AUTO))
    player.show(frames(layout, 12))
    assert iou(player.watch.region, layout.box) >= 0.97, player.watch.region
    assert player.changes == []


def test_nothing_is_told_until_the_picture_is_found() -> None:
    player = Player(RegionWatch(AUTO))
    octagon = BY_NAME["octagon with text"]
    player.show(frames(octagon, 1))
    assert player.watch.region is None
    player.show(frames(octagon, 10, start=1))
    assert iou(player.watch.region, octagon.box) >= 0.97


def test_blank_frames_end_the_wait_with_the_whole_frame() -> None:
    player = Player(RegionWatch(AUTO))
    player.show([np.zeros((480, 640, 3), np.uint8)] * round(LONGEST_SEARCH_S * FPS))
    assert player.watch.region is None
    player.show([np.zeros((480, 640, 3), np.uint8)])
    assert player.watch.region == (0, 0, 640, 480)


def test_a_picture_that_fades_in_from_black_is_found_when_it_can_be_seen() -> None:
    layout = BY_NAME["rounded corners"]
    player = Player(RegionWatch(AUTO))
    player.show([np.zeros((576, 720, 3), np.uint8)] * 50)
    player.show(layout.render(index, index / 50) for index in range(50))
    player.show(frames(layout, FPS))
    assert iou(player.watch.region, layout.box) >= 0.97


@pytest.mark.parametrize("level", [0, 16, 90, 255])
def test_blank_frames_change_nothing(level: int) -> None:
    layout = BY_NAME["rounded corners"]
    player = Player(RegionWatch(AUTO))
    player.show(frames(layout, 12))
    found = player.watch.region
    width, height = layout.size
    player.show([np.full((height, width, 3), level, np.uint8)] * 50)
    player.show(frames(layout, 12))
    assert (player.watch.region, player.changes) == (found, [])


def test_a_dimmed_scene_changes_nothing() -> None:
    layout = BY_NAME["noise in black"]
    player = Player(RegionWatch(AUTO))
    player.show(frames(layout, FPS))
    found = player.watch.region
    for brightness in (0.5, 0.2, 0.08, 0.02, 0.2, 1.0):
        player.show(frames(layout, FPS, brightness=brightness))
    assert (player.watch.region, player.changes) == (found, [])


@pytest.mark.parametrize("dark", ["left half", "top half", "all but the middle", "wandering"])
def test_a_dark_lumen_at_the_side_does_not_cut_the_picture(dark: str) -> None:
    layout = Layout("border left", (640, 360), (260, 0, 380, 360), texts=((12, 30, 11),))
    player = Player(RegionWatch(AUTO))
    player.show(frames(layout, 12))
    found = player.watch.region
    player.show(_with_lumen(layout, dark, index) for index in range(3 * FPS))
    assert (player.watch.region, player.changes) == (found, [])


def _with_lumen(layout: Layout, dark: str, index: int) -> Frame:
    """Darken a part of the scene as distance does: towards black, with sensor noise on it."""
    pixels = layout.render(index).astype(np.float32)
    x, y, width, height = layout.box
    rows, columns = np.mgrid[0:height, 0:width]
    match dark:
        case "left half":
            distance = np.hypot(columns / (0.5 * width), (rows - height / 2) / height)
        case "top half":
            distance = np.hypot((columns - width / 2) / width, rows / (0.5 * height))
        case "wandering":
            distance = np.hypot(
                (columns - width * (index % 50) / 50) / (0.45 * width),
                (rows - height / 2) / height,
            )
        case _:
            distance = 1.2 - np.hypot((columns - width / 2) / width, (rows - height / 2) / height)
    light = np.clip(distance * 2 - 1, 0.06, 1)[:, :, None]
    noise = np.random.default_rng(index).normal(6, 3, (height, width, 1))
    scene = pixels[y : y + height, x : x + width]
    pixels[y : y + height, x : x + width] = scene * light + noise * (light < 0.3)
    return pixels.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pillarboxed", "octagon with text"),
        ("octagon with text", "small picture"),
        ("small picture", "no border, large"),
        ("no border, large", "picture in picture"),
        ("tiny picture", "small picture"),
    ],
)
@pytest.mark.hazard("H17")
def test_another_layout_is_followed_within_a_second_or_so(before: str, after: str) -> None:
    player = Player(RegionWatch(AUTO))
    player.show(frames(BY_NAME[before], 8))
    player.show(frames(BY_NAME[after], round(1.2 * FPS)))
    assert iou(player.watch.region, BY_NAME[after].box) >= 0.97, player.changes
    assert len(player.changes) == 1


def test_a_layout_shown_for_a_moment_is_not_followed() -> None:
    player = Player(RegionWatch(AUTO))
    player.show(frames(BY_NAME["octagon with text"], 8))
    player.show(frames(BY_NAME["small picture"], FPS // 3))
    player.show(frames(BY_NAME["octagon with text"], FPS))
    assert player.changes == []


def test_another_picture_size_begins_the_search_again() -> None:
    player = Player(RegionWatch(AUTO))
    player.show(frames(BY_NAME["noise in black"], 12))
    player.show(frames(BY_NAME["rounded corners"], 1))
    assert player.watch.region is None
    player.show(frames(BY_NAME["rounded corners"], 12))
    assert iou(player.watch.region, BY_NAME["rounded corners"].box) >= 0.97


def test_another_source_of_the_same_size_is_looked_at_afresh() -> None:
    before, after = BY_NAME["grey border"], BY_NAME["letterboxed"]
    player = Player(RegionWatch(AUTO))
    player.show(frames(before))
    player.watch.restart()
    assert player.watch.region is None
    player.show(frames(after, 1))
    assert player.watch.region is None, "one look decides nothing"
    player.show(frames(after, FPS // 2))
    assert iou(player.watch.region, after.box) > 0.97
    assert player.changes == [], "whoever starts afresh has told so already"


def test_a_chosen_rectangle_is_taken_at_once_and_given_up_again() -> None:
    watch = RegionWatch(FULL)
    player = Player(watch)
    layout = BY_NAME["rounded corners"]
    player.show(frames(layout, 2))
    assert watch.region == (0, 0, 720, 576)
    watch.choose(rectangle_choice(101, 51, 300, 201))
    player.show(frames(layout, 2))
    assert watch.region == (100, 50, 302, 202)
    watch.choose(AUTO)
    player.show(frames(layout, 1))
    assert watch.region is None
    player.show(frames(layout, 12))
    assert iou(watch.region, layout.box) >= 0.97
    assert len(player.changes) == 2


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuvj420p", "rgb24", "yuv420p10le", "gray"])
def test_the_picture_is_found_whatever_the_pixels_are_stored_in(pixel_format: str) -> None:
    layout = BY_NAME["rounded corners"]
    player = Player(RegionWatch(AUTO), pixel_format)
    player.show(frames(layout, 12))
    assert iou(player.watch.region, layout.box) >= 0.97


@pytest.mark.skipif(not (DATA / "polyps").is_dir(), reason="no stills here (../shared/data/polyps)")
def test_no_still_loses_a_lit_part_of_its_polyp() -> None:
    names = sorted(path.stem for path in (DATA / "polyps/images").glob("*.jpg"))[::8]
    assert len(names) > 200
    cut = {name: lost for name in names if (lost := _polyp_pixels_cut_off(name))}
    assert cut == {}


def _polyp_pixels_cut_off(name: str) -> int:
    """Show one still for a moment; count its polyp's pixels outside the region.

    The truth was drawn by hand and reaches up to three pixels over the picture's own border.
    """
    image = Image.open(DATA / f"polyps/images/{name}.jpg").convert("RGB")
    mask = Image.open(DATA / f"polyps/masks/{name}.png").convert("1").resize(image.size)
    player = Player(RegionWatch(AUTO), "yuvj444p")
    player.show([player.stored(np.asarray(image))] * 6)
    assert player.watch.region is not None, name
    x, y, width, height = player.watch.region
    rest = np.asarray(mask).copy()
    rest[max(0, y - 3) : y + height + 3, max(0, x - 3) : x + width + 3] = False
    return int(rest.sum())


@pytest.mark.skipif(
    not (DATA / "clips").is_dir(), reason="no real clips here (../shared/data/clips)"
)
@pytest.mark.parametrize(
    ("name", "region"),
    [
        ("murra_Pediculado3", (36, 4, 286, 230)),
        ("murra_Pediculado5", (36, 4, 286, 230)),
        ("murra_Polypileocecalvalve1", (26, 4, 300, 230)),
    ],
)
def test_the_region_of_a_real_clip_is_found_and_stays(name: str, region: Rectangle) -> None:
    player = Player(RegionWatch(AUTO))
    with av.open(str(DATA / f"clips/{name}.mpg")) as clip:
        player.show(clip.decode(video=0))
    assert iou(player.watch.region, region) >= 0.95, player.watch.region
    assert player.changes == []
