"""Firefox cannot tell video frames apart: the page draws no mask there, and says so."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.firefox import FirefoxPage, open_firefox
from tests.e2e.looking import until
from tests.e2e.lossy_room import Conditions, open_room
from tests.fakes.lossy_path import Weather

pytestmark = [pytest.mark.e2e, pytest.mark.long]

# Where it has an H.264 decoder the server draws the masks, else there are none.
METHODS = {"burned": "masks drawn by the server", "none": "no masks in this browser"}


def assert_video_moves(page: FirefoxPage) -> None:
    drawn = int(page.attribute("frames-drawn"))
    until(lambda: int(page.attribute("frames-drawn")) > drawn + 25, "the video moves")


def test_firefox_says_how_masks_come_to_it_and_recovers_without_a_reload(tmp_path: Path) -> None:
    fair = Conditions(Weather(), Weather(), socket_jitter_ms=0, fps=25)
    with (
        open_room(tmp_path, fair, codec="VP8", sizes=[(640, 480)]) as room,
        open_firefox(tmp_path / "profile") as page,
    ):
        page.goto(f"{room.service.url}/#/session/{room.session_id}")
        method = page.wait_until("method", tuple(METHODS), 60)
        page.wait_until("ai-state", ("active",), 60)
        bar = "document.querySelector('footer.status').innerText"
        until(lambda: METHODS[method] in page.evaluate(bar), "the bar says how masks come")
        assert_video_moves(page)
        assert page.attribute("masks-drawn") == "0"
        page.evaluate("window.notReloaded = true")
        os.kill(room.service.process.pid, signal.SIGSTOP)
        try:
            page.wait_until("ai-state", ("lost",), 5)
            time.sleep(2)
        finally:
            os.kill(room.service.process.pid, signal.SIGCONT)
        page.wait_until("ai-state", ("active",), 60)
        assert_video_moves(page)
        assert page.evaluate("window.notReloaded") is True
