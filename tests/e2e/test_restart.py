"""A server that is killed and started again: the page finds its session without a reload."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.browser import MARKER, count, open_page, serve, wait_attribute, watch
from tests.e2e.conftest import PhantomFile
from tests.e2e.looking import until
from tests.fakes.rtsp_server import free_port

pytestmark = pytest.mark.e2e


def test_the_page_finds_its_session_again_after_a_restart(
    phantom_file: PhantomFile, tmp_path: Path
) -> None:
    port = free_port()
    source = str(phantom_file.path)
    with open_page() as page:
        with serve(tmp_path, source, environment=MARKER, port=port) as service:
            watch(page, service)
            page.evaluate("window.notReloaded = true")
            os.kill(service.process.pid, signal.SIGKILL)
            wait_attribute(page, "ai-state", "lost")
            until(lambda: "Trying again" in page.locator(".stage-message").inner_text(), "told so")
            before = page.evaluate("location.href")
        with serve(tmp_path, source, environment=MARKER, port=port) as service:
            service.wait_for("ai_state", "active")
            until(lambda: page.evaluate("location.href") != before, "the new session is found")
            wait_attribute(page, "ai-state", "active")
            masks = count(page, "masks-drawn")
            until(lambda: count(page, "masks-drawn") > masks, "masks again")
            assert page.evaluate("window.notReloaded") is True
