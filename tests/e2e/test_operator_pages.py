"""The pages for who runs the service: health, settings, and sharing this browser's camera."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.browser import Service, open_page, serve
from tests.e2e.looking import until

pytestmark = pytest.mark.e2e

FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
FAKE_MODEL = {"SALI_WORKER__MODEL": "tests.fakes.remembering_model:create_model"}


def test_a_browsers_camera_becomes_a_session_and_goes_on_until_it_is_stopped(
    tmp_path: Path,
) -> None:
    with (
        serve(tmp_path, "whip", environment=FAKE_MODEL) as service,
        open_page(*FAKE_CAMERA, width=1280, height=800) as page,
    ):
        page.goto(service.url)
        page.get_by_label("Name").fill("Trolley")
        page.get_by_label("Source").select_option("camera")
        page.get_by_role("button", name="Start").click()
        page.wait_for_selector(".sharing[data-state=connected]")
        until(lambda: is_playing(service), "the camera plays")
        # Another page of the viewer: the camera goes on.
        page.get_by_role("link", name="Health").click()
        page.wait_for_selector(".figures")
        page.get_by_role("link", name="Sessions").click()
        page.wait_for_selector(".sharing[data-state=connected]")
        page.get_by_role("button", name="Stop sharing").click()
        page.wait_for_selector(".sharing", state="hidden")
        until(lambda: not is_playing(service), "the camera has stopped")


def is_playing(service: Service) -> bool:
    """Whether the session made by the test above has the camera's pictures."""
    return any(
        session["name"] == "Trolley" and session["source_state"] == "playing"
        for session in service.sessions()
    )


def test_health_and_settings_are_told_in_words_and_plots(tmp_path: Path) -> None:
    with (
        serve(tmp_path, "whip", environment=FAKE_MODEL) as service,
        open_page(width=1280, height=800) as page,
    ):
        page.goto(f"{service.url}/#/health")
        page.wait_for_selector(".readiness[data-state=good]")
        until(lambda: page.locator(".plot canvas").count() == 4, "four plots")
        memory = page.locator(".figures tr", has_text="AI process").locator("td.number")
        page.wait_for_function("e => Number(e.textContent) > 10", arg=memory.element_handle())
        page.goto(f"{service.url}/#/settings")
        model = page.locator("tr", has_text="SALI_WORKER__MODEL")
        assert "environment" in (model.text_content() or "")
        page.get_by_label("Only those that are not built in").check()
        until(lambda: page.locator("tr[data-origin=default]").count() == 0, "no built-in one")
        assert page.locator("tbody tr").count() >= 3
