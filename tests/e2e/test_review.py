"""A film reviewed in a real browser: every mask on its own picture, whatever is done to it."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.browser import Service, attribute, count, open_page, serve, wait_attribute
from tests.e2e.looking import (
    axe_violations,
    outlined,
    outlined_halves,
    shows_both,
    small_targets,
    until,
)
from tests.e2e.lossy_room import PROBE, SPELLING
from tests.fakes.code_publisher import write_changing_film
from tests.fakes.coded_film import TICKS, write_coded_film
from tests.fakes.rtsp_server import free_port

pytestmark = pytest.mark.e2e

FRAMES = 200


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds with pictures that are decoded in another order than they are shown."""
    return write_coded_film(tmp_path_factory.mktemp("film") / "film.mp4", FRAMES, b_frames=2)


@contextmanager
def reviewing(folder: Path, film: Path, port: int | None = None) -> Iterator[tuple[Service, str]]:
    """A service with the film under review, all of it computed."""
    with serve(folder, "whip", environment=SPELLING, port=port) as service:
        yield service, begin(service, film)


def begin(service: Service, film: Path) -> str:
    url = f"{service.url}/v1/reviews"
    answer = httpx.post(url, json={"file": str(film)}, timeout=60, trust_env=False)
    review_id: str = answer.raise_for_status().json()["id"]

    def state() -> str:
        told: str = httpx.get(f"{url}/{review_id}", timeout=60, trust_env=False).json()["state"]
        return told

    until(lambda: state() == "done", "the film is computed", 180)
    return review_id


def open_review(page: Any, service: Service, review_id: str) -> None:
    page.goto(f"{service.url}/#/review/{review_id}")
    wait_shown(page, 0)


def wait_shown(page: Any, number: int) -> None:
    """Wait until the picture of a number is on the screen with its mask."""
    wait_attribute(page, "picture-pts", str(number * TICKS))
    wait_attribute(page, "picture-masked", "true")


def seek(page: Any, share: float) -> None:
    """Press the timeline at a share of its length."""
    box = page.locator(".timeline").bounding_box()
    page.mouse.click(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    until(lambda: attribute(page, "seeking") == "false", "the picture is there")


def probed(page: Any) -> dict[str, Any]:
    """What was read off the canvas: pictures, and masks that spell another number than theirs."""
    counts: dict[str, Any] = page.evaluate("self.frameProbe")
    return counts


@pytest.mark.hazard("H1")
def test_every_mask_of_a_film_lies_on_its_own_picture(film: Path, tmp_path: Path) -> None:
    with reviewing(tmp_path, film) as (service, review_id), open_page() as page:
        page.add_init_script(PROBE)
        open_review(page, service, review_id)
        page.keyboard.press(" ")
        until(lambda: attribute(page, "playing") == "false", "the film is over", 120)
        played = probed(page)
        page.keyboard.press("Home")
        wait_shown(page, 0)
        for number in (1, 2, 3):
            page.keyboard.press("ArrowRight")
            wait_shown(page, number)
        page.keyboard.press("l")
        wait_shown(page, 28)
        # Back over the border of two parts.
        for number in range(27, 22, -1):
            page.keyboard.press("ArrowLeft")
            wait_shown(page, number)
        places = random.Random(3)  # noqa: S311
        for _ in range(20):
            seek(page, places.uniform(0.001, 0.999))
        page.keyboard.press(" ")
        for _ in range(10):
            seek(page, places.uniform(0.001, 0.9))
        seek(page, 0.2)
        if attribute(page, "playing") == "false":
            # On a slow machine it may have come to its end between two of these places.
            page.keyboard.press(" ")
        page.keyboard.press("+")
        page.keyboard.press("+")
        seek(page, 0.2)
        until(lambda: attribute(page, "playing") == "false", "the film is over", 120)
        counts = probed(page)
    print({key: counts[key] for key in ("shown", "masks", "wrong", "unclear", "unreadable")})
    assert (counts["wrong"], counts["unclear"], counts["unreadable"]) == (0, 0, 0), counts
    assert played["backwards"] == 0
    # A busy machine shows fewer pictures of a film that runs; each has its mask at once.
    assert played["shown"] > FRAMES / 2
    assert counts["masks"] == counts["shown"] > played["shown"] + 40


def test_a_film_whose_picture_size_changes_keeps_every_mask(tmp_path: Path) -> None:
    film = write_changing_film(tmp_path / "film.ts", [(640, 480), (320, 240)], [25, 50], 60)
    with reviewing(tmp_path, film) as (service, review_id), open_page() as page:
        page.add_init_script(PROBE)
        open_review(page, service, review_id)
        page.keyboard.press(" ")
        until(lambda: attribute(page, "playing") == "false", "the film is over", 120)
        seek(page, 0.3)
        counts = probed(page)
    assert (counts["wrong"], counts["unclear"], counts["unreadable"]) == (0, 0, 0)
    assert set(counts["masked"]) == {"640x480", "320x240"}


def test_a_restarted_server_is_found_again_where_the_film_was(film: Path, tmp_path: Path) -> None:
    port = free_port()
    with open_page() as page:
        with reviewing(tmp_path, film, port) as (service, review_id):
            open_review(page, service, review_id)
            page.evaluate("window.notReloaded = true")
            seek(page, 0.5)
            before = attribute(page, "picture-pts")
            os.kill(service.process.pid, signal.SIGKILL)
            until(lambda: "does not answer" in page.locator(".review-bar").inner_text(), "told so")
            assert outlined(page) > 0, "what is shown stays true"
        with serve(tmp_path, "whip", environment=SPELLING, port=port):
            until(lambda: review_id not in page.evaluate("location.hash"), "a new review")
            wait_attribute(page, "picture-masked", "true")
            assert attribute(page, "picture-pts") == before
            page.keyboard.press("ArrowRight")
            wait_shown(page, int(before) // TICKS + 1)
            bar = page.locator(".review-bar")
            until(lambda: "does not answer" not in bar.inner_text(), "it answers again")
            assert page.evaluate("window.notReloaded") is True


def test_a_film_is_opened_looked_at_and_left_from_the_list(film: Path, tmp_path: Path) -> None:
    with (
        serve(tmp_path, "whip", environment=SPELLING) as service,
        open_page(width=1280, height=800) as page,
    ):
        page.goto(service.url)
        page.locator("input[name=file]").fill(str(tmp_path / "missing.mp4"))
        page.get_by_role("button", name="Review").click()
        page.get_by_text("no such file").wait_for()
        page.locator("input[name=file]").fill(str(film))
        page.get_by_role("button", name="Review").click()
        wait_shown(page, 0)
        assert page.get_by_text("Not a medical device", exact=True).is_visible()
        assert page.get_by_text("REVIEW", exact=True).is_visible()
        assert page.locator(".chip.ai .chip-label").inner_text() == "AI ACTIVE"
        page.keyboard.down("h")
        until(lambda: outlined(page) == 0, "the overlay is hidden")
        page.keyboard.up("h")
        until(lambda: outlined(page) > 0, "the overlay is back")
        page.keyboard.press("b")
        wait_attribute(page, "layout", "beside")
        until(lambda: shows_both(page), "both pictures are seen")
        clean, marked = outlined_halves(page)
        assert clean == 0
        assert marked > 0
        page.keyboard.press("b")
        slider = page.get_by_role("slider")
        until(lambda: slider.get_attribute("aria-valuemax") == str(FRAMES * TICKS), "its end")
        assert axe_violations(page) + small_targets(page) == []
        frames = count(page, "frames-drawn")
        page.get_by_role("button", name="play or pause").click()
        until(lambda: count(page, "frames-drawn") > frames + 10, "it plays")
        page.keyboard.press("Escape")
        page.locator("li[data-review]").get_by_role("button").click()
        page.locator("dialog[open]").get_by_role("button", name="End").click()
        until(lambda: page.locator("li[data-review]").count() == 0, "the review has ended")
