"""The example that a person pastes into the browser's console."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.browser import open_page, serve

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).parents[2] / "docs/examples/publishCamera.js"
FLAGS = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
FAKE = {"SALI_WORKER__MODEL": "tests.fakes.fake_engine:create_engine", "SALI_REGION": "full"}


def test_the_example_publishes_this_browsers_camera_and_stops(tmp_path: Path) -> None:
    with (
        serve(tmp_path, "whip", environment=FAKE) as service,
        open_page(*FLAGS) as page,
    ):
        session = service.wait_for("source_state", "connecting")
        page.goto(f"{service.url}/#/session/{session['id']}")
        # As in the console: the page's own policy lets no script in.
        call = "window.camera = await publishCamera(location.hash.split('/').pop());"
        page.evaluate(f"async () => {{ {EXAMPLE.read_text()} {call} }}")
        playing = service.wait_for("source_state", "playing")
        assert playing["video"]["codec"] in ("h264", "vp8")
        page.evaluate("async () => { await window.camera.stop(); }")
        service.wait_for("source_state", "reconnecting")
