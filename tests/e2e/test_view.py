"""What the page says of pictures that masks do not belong on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.e2e.browser import attribute, count, open_page, serve, wait_attribute, watch
from tests.fakes.layouts import Layout
from tests.fakes.tower_pictures import ebu_bars
from tests.fakes.video_files import write_frames

pytestmark = [pytest.mark.e2e, pytest.mark.long]

FAKE = {"SALI_WORKER__MODEL": "tests.fakes.fake_engine:create_engine", "SALI_REGION": "full"}
SIZE = (640, 480)


@pytest.mark.hazard("H8", "F7")
def test_a_test_picture_pauses_the_ai_with_its_reason_and_the_video_goes_on(tmp_path: Path) -> None:
    layout = Layout("body", SIZE, (0, 0, *SIZE))
    body = [layout.render(number) for number in range(100)]
    bars = [np.asarray(ebu_bars(SIZE[::-1]))] * 100
    video = write_frames(tmp_path / "scene.mp4", [*body, *bars])
    with (
        serve(tmp_path, str(video), loop=True, environment=FAKE) as service,
        open_page() as page,
    ):
        watch(page, service)
        wait_attribute(page, "view", "bars")
        wait_attribute(page, "ai-state", "paused")
        assert attribute(page, "ai-reason") == "the tower sends a test picture: no masks"
        drawn, masked = count(page, "frames-drawn"), count(page, "masks-drawn")
        page.screenshot(path=str(tmp_path / "bars.png"))
        wait_attribute(page, "view", "in_body")
        assert count(page, "frames-drawn") > drawn + 10
        wait_attribute(page, "ai-state", "active")
        wait_attribute(page, "view", "bars")
        assert count(page, "masks-drawn") > masked
