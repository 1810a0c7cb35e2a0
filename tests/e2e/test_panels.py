"""The panels beside the picture: what the network reads, and what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.browser import open_page, serve, watch
from tests.e2e.conftest import PhantomFile
from tests.e2e.looking import until

pytestmark = pytest.mark.e2e


def shares(page: Any) -> list[float]:
    """The shares of attention that stand beside the frames, percent."""
    texts: list[str] = page.locator(".memory-share").all_text_contents()
    return [float(text.split()[0]) for text in texts]


def loaded(page: Any, selector: str) -> int:
    """How many of these pictures are loaded."""
    script = "s => [...document.querySelectorAll(s)].filter(i => i.naturalWidth > 0).length"
    number: int = page.evaluate(script, selector)
    return number


def test_the_memory_panel_shows_frames_shares_and_where_in_one_the_network_looks(
    phantom_file: PhantomFile, tmp_path: Path
) -> None:
    with (
        serve(tmp_path, str(phantom_file.path)) as service,
        open_page(width=1280, height=800) as page,
    ):
        asked: list[str] = []
        page.on("request", lambda r: asked.append(r.url) if "/memory" in r.url else None)
        watch(page, service)
        assert not asked, "the closed panel asked for something"
        page.keyboard.press("w")
        read: list[float] = []

        def has_three_frames() -> bool:
            read[:] = shares(page)
            return len(read) >= 3 and loaded(page, ".memory-frames img") >= 3

        until(has_three_frames, "three frames with their shares")
        assert sum(read) == pytest.approx(100, abs=0.1 * len(read))
        page.locator(".memory-frames button").last.click()
        # The film starts again every 24 s and empties the memory, picture and all.
        where = page.locator(".memory-picture canvas[data-sequence]")
        assert where.evaluate("canvas => [canvas.width, canvas.height]") == [44, 44]
        page.keyboard.press("w")
        page.wait_for_selector(".memory", state="detached")
        before = len(asked)
        page.wait_for_timeout(600)
        assert len(asked) - before <= 1


@pytest.mark.long
def test_a_new_patient_empties_the_memory_panel(phantom_file: PhantomFile, tmp_path: Path) -> None:
    with (
        serve(tmp_path, str(phantom_file.path)) as service,
        open_page(width=1280, height=800) as page,
    ):
        watch(page, service)
        page.keyboard.press("w")
        until(lambda: len(shares(page)) >= 4, "four frames")
        session = service.sessions()[0]["id"]
        path = f"{service.url}/v1/sessions/{session}"
        old = httpx.get(f"{path}/memory", trust_env=False).json()["frames"][0]["sequence"]
        httpx.post(f"{path}/reset", trust_env=False)
        until(lambda: len(shares(page)) <= 2, "an emptied memory")
        assert httpx.get(f"{path}/memory/{old}", trust_env=False).status_code == 404


@pytest.mark.long
def test_findings_can_be_looked_at_and_reviewed(phantom_file: PhantomFile, tmp_path: Path) -> None:
    with (
        serve(tmp_path, str(phantom_file.path)) as service,
        open_page(width=1280, height=800) as page,
    ):
        watch(page, service)
        page.keyboard.press("s")
        until(lambda: loaded(page, ".finding img") >= 1, "a finding")
        card = page.locator(".finding").first
        assert card.locator("path.line").get_attribute("d").startswith("M")
        card.get_by_role("button", name="Accept").click()
        page.wait_for_selector(".finding[data-status=accepted]")
        card.get_by_role("textbox").fill("sigmoid")
        card.get_by_role("textbox").press("Enter")
        session = service.sessions()[0]["id"]
        address = f"{service.url}/v1/sessions/{session}/findings"

        def kept() -> tuple[str, str]:
            first = httpx.get(address, trust_env=False).json()["findings"][0]
            return first["status"], first["note"]

        until(lambda: kept() == ("accepted", "sigmoid"), "status and note are kept")
        saved: list[Any] = []
        page.on("download", lambda download: saved.append(download))
        card.get_by_role("button", name="Save").click()
        until(lambda: page.evaluate("true") and len(saved) == 2, "two files are saved")
        picture, facts = (Path(download.path()).read_bytes() for download in saved)
        assert picture.startswith(b"\x89PNG")
        still = httpx.get(address, trust_env=False).json()["findings"][0]["still"]
        written = json.loads(facts)
        assert (written["status"], written["note"]) == ("accepted", "sigmoid")
        assert set(written["still"]["rle"]) == {"size", "counts"}
        assert written["still"]["picture_size"] == still["picture_size"]
        card.get_by_role("button", name="Accept").click()
        until(lambda: kept() == ("open", "sigmoid"), "it is open again")
        # The strip asks every five seconds; of what somebody else does it is told at once.
        first = httpx.get(address, trust_env=False).json()["findings"][0]["id"]
        for status in ("rejected", "accepted", "rejected"):
            body = {"status": status}
            httpx.patch(f"{address}/{first}", json=body, trust_env=False).raise_for_status()
            page.wait_for_selector(f".finding[data-status={status}]", timeout=4000)
