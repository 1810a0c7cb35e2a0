"""The viewer's looks, keys, layouts, languages and manners, driven as a person would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image

from sali_core.data.phantom.frame_code import read_frame_code
from server.bench.marker_model import place_of
from tests.e2e.browser import (
    MARKER,
    Service,
    attribute,
    count,
    open_page,
    outlined_area,
    serve,
    wait_attribute,
)
from tests.e2e.conftest import PhantomFile
from tests.e2e.looking import (
    axe_violations,
    outlined,
    outlined_halves,
    shows_both,
    small_targets,
    until,
)

pytestmark = pytest.mark.e2e

ROOMS = MARKER | {"SALI_SESSION__MAX_SESSIONS": "4"}


@dataclass
class Visit:
    """One browser at one service, and what it asked for and complained of."""

    page: Any
    service: Service
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Take down every request and every complaint from now on."""
        self.page.context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def go(self, address: str) -> None:
        self.page.goto("about:blank")
        self.page.goto(f"{self.service.url}/{address}")

    def go_to_session(self, query: str = "") -> None:
        """Open the first session as a browser that was never here would see it."""
        self.go(f"{query}#/session/{self.service.sessions()[0]['id']}")
        wait_attribute(self.page, "ai-state", "active")
        until(lambda: outlined(self.page) > 0, "an outline is seen")
        assert self.page.locator("dialog:visible").count() == 0, "a dialog lies over the picture"

    def forget(self) -> None:
        self.page.evaluate("localStorage.clear()")


@pytest.fixture(scope="module")
def house(phantom_file: PhantomFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    folder = tmp_path_factory.mktemp("viewer")
    with (
        serve(folder, str(phantom_file.path), environment=ROOMS) as service,
        open_page(width=1280, height=800) as page,
    ):
        visit = Visit(page, service)
        visit.listen()
        service.wait_for("ai_state", "active")
        yield visit


@pytest.fixture
def visit(house: Visit) -> Iterator[Visit]:
    """A look at the session; nothing that was chosen there is left for the next."""
    house.go_to_session()
    yield house
    house.forget()


def test_each_style_is_seen_and_the_last_is_none(visit: Visit) -> None:
    page = visit.page
    for style, following in pairwise(("outline", "fill", "box", "off")):
        assert attribute(page, "overlay") == style
        until(lambda: outlined(page) > 0, f"{style} is seen")
        page.keyboard.press("o")
        wait_attribute(page, "overlay", following)
    until(lambda: outlined(page) == 0, "the overlay is gone")
    more_masks(page)
    assert outlined(page) == 0


def more_masks(page: Any) -> None:
    """Wait until masks came for a while; the figure told last may be a quarter of a second old."""
    masks = count(page, "masks-drawn")
    until(lambda: count(page, "masks-drawn") > masks + 20, "masks come")


def test_the_overlay_is_off_while_the_key_is_held(visit: Visit) -> None:
    page = visit.page
    page.keyboard.down(" ")
    until(lambda: outlined(page) == 0, "the overlay is gone")
    more_masks(page)
    assert outlined(page) == 0
    page.keyboard.up(" ")
    until(lambda: outlined(page) > 0, "the overlay is back")


def test_the_clean_picture_beside_stays_clean(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("b")
    wait_attribute(page, "layout", "beside")
    until(lambda: shows_both(page), "both pictures are seen")
    masks, seen = count(page, "masks-drawn"), 0

    def is_enough() -> bool:
        nonlocal seen
        clean, marked = outlined_halves(page)
        assert clean == 0
        seen += marked > 0
        return seen > 0 and count(page, "masks-drawn") >= masks + 40

    until(is_enough, "forty masks, and outlines in the picture with masks")


def test_a_pedal_takes_a_commands_place_and_keeps_it(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("?")
    page.locator("dialog[open] dd", has_text="while held").get_by_role("button").click()
    page.keyboard.press("PageDown")
    page.get_by_role("button", name="Close").click()
    page.locator("dialog[open]").wait_for(state="hidden")
    for _ in range(2):
        page.keyboard.down("PageDown")
        until(lambda: outlined(page) == 0, "the overlay is gone")
        page.keyboard.up("PageDown")
        until(lambda: outlined(page) > 0, "the overlay is back")
        visit.go_to_session()


def test_looks_are_chosen_beside_the_picture_and_kept(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("v")
    page.locator(".choice label", has_text="yellow").click()
    until(lambda: outlined(page) == 0, "no line is teal any more")
    page.locator(".choice label", has_text="corners").click()
    page.keyboard.press("Escape")
    visit.go(f"#/session/{visit.service.sessions()[0]['id']}")
    wait_attribute(page, "ai-state", "active")
    wait_attribute(page, "overlay", "box")


def test_a_snapshot_saves_the_clean_picture_and_its_own_mask(visit: Visit) -> None:
    page = visit.page
    saved: list[Any] = []
    page.on("download", lambda download: saved.append(download))
    # The picture on the screen may lack a mask of its own; another one is taken then.
    until(lambda: snapshot_with_mask(page, saved), "a picture with its mask is saved")
    facts, picture = sorted(
        saved[-2:], key=lambda download: Path(download.suggested_filename).suffix
    )
    pixels = np.asarray(Image.open(Path(picture.path())).convert("RGB"))
    assert pixels.shape == (480, 640, 3)
    assert not outlined_area(pixels).any(), "it is not clean"
    still = json.loads(Path(facts.path()).read_text())["still"]
    assert (still["picture_size"], still["region"]) == ([480, 640], [0, 0, 640, 480])
    number = read_frame_code(pixels)
    assert number is not None
    x, y = place_of(number)
    left, top, width, height = still["polyps"][0]["box"]
    assert abs(left + width / 2 - x * 640) < 8, "the mask is of another picture"
    assert abs(top + height / 2 - y * 480) < 8, "the mask is of another picture"


def snapshot_with_mask(page: Any, saved: list[Any]) -> bool:
    before = len(saved)
    page.get_by_role("button", name="Snapshot").click()
    # It is said for four seconds.
    page.get_by_text("Snapshot saved").wait_for()
    until(lambda: page.evaluate("true") and len(saved) == before + 2, "two files are saved")
    [facts] = [one for one in saved[before:] if one.suggested_filename.endswith(".json")]
    return bool(json.loads(Path(facts.path()).read_text())["still"]["polyps"])


def test_the_servers_capture_devices_are_offered(visit: Visit) -> None:
    page = visit.page
    size = {"width": 1920, "height": 1080, "fps": [60.0]}
    card = {
        "path": "/dev/video0", "stable_path": "/dev/v4l/by-id/usb-Card", "name": "Card",
        "problem": "", "formats": [{"format": "mjpeg", "description": "", "sizes": [size]}],
    }  # fmt: skip
    page.route("**/v1/devices", lambda route: route.fulfill(json={"devices": [card]}))
    visit.go("#/")
    page.get_by_label("Source").select_option("capture")
    target = page.get_by_label("Device", exact=True)
    until(lambda: target.input_value() == "/dev/v4l/by-id/usb-Card", "the first device is chosen")
    devices = page.get_by_label("Devices of the server")
    devices.select_option(label="Card · 1920 × 1080 · 60/s · mjpeg")
    assert target.input_value() == "/dev/v4l/by-id/usb-Card?size=1920x1080&fps=60&format=mjpeg"
    assert axe_violations(page) + small_targets(page) == []
    page.unroute("**/v1/devices")


@pytest.mark.parametrize(("language", "active"), [("de", "KI AKTIV"), ("zh", "AI 运行中")])
def test_the_page_speaks_the_language_chosen(visit: Visit, language: str, active: str) -> None:
    page = visit.page
    page.keyboard.press("v")
    page.locator("dialog[open] select").select_option(language)
    until(lambda: page.locator(".chip.ai .chip-label").inner_text() == active, active)
    visit.go("#/")
    assert page.locator("html").get_attribute("lang").startswith(language)


def test_a_second_screen_shows_the_state_and_has_no_control(visit: Visit) -> None:
    page = visit.page
    visit.go_to_session("?screen=1")
    assert page.locator("button:visible, a:visible, input:visible, select:visible").count() == 0
    assert page.get_by_text("Not a medical device", exact=True).is_visible()
    state = page.locator(".chip.ai .chip-label")
    until(lambda: state.inner_text() == "AI ACTIVE", "the state is told")
    for key in ("o", "v", "?", "n", "Escape"):
        page.keyboard.press(key)
    more_masks(page)
    assert attribute(page, "overlay") == "outline"
    assert page.locator("dialog[open]").count() == 0


def test_the_wall_shows_every_room_and_leads_to_it(visit: Visit) -> None:
    page = visit.page
    body = {"name": "Room 2", "source": "whip"}
    sessions = f"{visit.service.url}/v1/sessions"
    room = httpx.post(sessions, json=body, timeout=60, trust_env=False).raise_for_status().json()
    try:
        visit.go("#/wall")
        tiles = page.locator(".wall li")
        until(lambda: tiles.count() == 2, "two rooms")
        until(lambda: "AI ACTIVE" in tiles.first.inner_text(), "the first room's state")
        until(lambda: "source connecting" in tiles.nth(1).inner_text(), "the empty room's state")
        until(lambda: tiles.first.locator(".stage.still").count() == 0, "the picture moves")
        tiles.first.locator("a").click()
        wait_attribute(page, "ai-state", "active")
    finally:
        ended = httpx.delete(f"{sessions}/{room['id']}", timeout=60, trust_env=False)
        ended.raise_for_status()


def open_dialog(page: Any, key: str) -> None:
    """By its key, pressed again if the first press was lost, as rarely happens under automation."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

    dialog = page.locator("dialog[open]")
    for _ in range(3):
        page.keyboard.press(key)
        try:
            dialog.wait_for(timeout=5000)
        except PlaywrightTimeoutError:
            continue
        return
    focus = page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    raise AssertionError(f"{key} opens no dialog at {page.url}, focus: {focus}")


def test_every_page_is_accessible_and_made_for_gloves(visit: Visit) -> None:
    page = visit.page
    found: dict[str, list[str]] = {}

    def check(name: str) -> None:
        found[name] = axe_violations(page) + small_targets(page)

    check("viewer")
    for name, key in (("help", "?"), ("view", "v"), ("region", "r"), ("new patient", "n")):
        open_dialog(page, key)
        check(name)
        page.keyboard.press("Escape")
        # A key that comes while it closes belongs to it.
        page.locator("dialog[open]").wait_for(state="hidden")
    for name, key in (("findings", "s"), ("memory", "w")):
        page.keyboard.press(key)
        page.locator(f".{name}").wait_for()
        check(name)
        page.keyboard.press(key)
    visit.go_to_session("?screen=1")
    check("second screen")
    visit.go("#/wall")
    page.locator(".wall li").first.wait_for()
    check("wall")
    visit.go("#/")
    page.locator(".sessions li").first.wait_for()
    check("list")
    for name, part in (("health", ".figures"), ("settings", "tbody tr")):
        visit.go(f"#/{name}")
        page.locator(part).first.wait_for()
        check(name)
    visit.go("#/")
    page.route("**/v1/sessions", lambda route: route.fulfill(status=401, json={}))
    page.locator("input[name=token]").wait_for()
    check("token")
    page.unroute("**/v1/sessions")
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_nothing_was_asked_of_another_server_and_nothing_was_refused(visit: Visit) -> None:
    """Runs last: everything that the tests above made the pages ask for."""
    home = urlsplit(visit.service.url).netloc
    assert len(visit.requests) > 20
    assert {urlsplit(url).netloc for url in visit.requests} - {home, ""} == set()
    assert [text for text in visit.complaints if "Content Security Policy" in text] == []
