"""A real browser, a real service and what a person would see of them."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import ndimage

from sali_core.data.phantom.frame_code import read_frame_code
from server.bench.chromium import FLAGS, find_chromium
from server.bench.marker_model import place_of
from server.bench.processes import end_process
from server.masks.look import OUTLINE_RGB
from tests.fakes.rtsp_server import free_port

VIDEO_SIZE = (640, 480)
# The marker engine knows its picture's code at its place in the whole frame only. Grey pictures
# with a code are no view of a bowel.
MARKER = {
    "SALI_WORKER__MODEL": "tests.fakes.marker_engine:create_engine",
    "SALI_REGION": "full",
    "SALI_VIEW__IS_CHECKED": "false",
}
Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def require_chromium() -> str:
    path = find_chromium()
    if path is None:
        pytest.skip("Chromium is not installed (`make packages`)")
    return path


@contextlib.contextmanager
def open_page(*flags: str, width: int = 700, height: int = 620) -> Iterator[Any]:
    """A page of a fresh headless Chromium."""
    from playwright.sync_api import sync_playwright

    path = require_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        context = browser.new_context(
            viewport={"width": width, "height": height}, permissions=["camera"]
        )
        context.set_default_timeout(60_000)
        try:
            yield context.new_page()
        finally:
            browser.close()


@dataclass
class Service:
    """A running `sali serve`."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def sessions(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/v1/sessions", timeout=30, trust_env=False)
        listed: list[dict[str, Any]] = answer.json()["sessions"]
        return listed

    def wait_for(self, field: str, value: str, timeout_s: float = 120) -> dict[str, Any]:
        """Wait until the first session's field has a value; return the session."""
        deadline = time.monotonic() + timeout_s
        session: dict[str, Any] = {}
        while time.monotonic() < deadline:
            sessions = self.sessions()
            session = sessions[0] if sessions else {}
            if session.get(field) == value:
                return session
            time.sleep(0.2)
        raise AssertionError(f"{field} did not become {value}: {session}\n{self.log.read_text()}")

    def worker_pid(self) -> int:
        """The worker's process id; one that was lost has none in its place for a while."""
        pids = self.worker_pids()
        assert len(pids) == 1, pids
        return pids[0]

    def worker_pids(self) -> list[int]:
        """The service's children that run server.worker.main."""
        children = subprocess.run(
            ["ps", "--ppid", str(self.process.pid), "-o", "pid=,args="],
            capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
        return [int(line.split()[0]) for line in children if "server.worker.main" in line]


@contextlib.contextmanager
def serve(
    folder: Path,
    *sources: str,
    loop: bool = True,
    environment: dict[str, str] | None = None,
    port: int | None = None,
) -> Iterator[Service]:
    """Run `sali serve` until the block ends, on a free port unless one is given."""
    port = port or free_port()
    arguments = [str(Path(sys.executable).parent / "sali"), "serve", "--port", str(port)]
    for source in sources:
        arguments += ["--source", source]
    if loop:
        arguments.append("--loop")
    log = folder / f"serve-{port}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            arguments, stdout=out, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"PYTHONPATH": str(Path.cwd())} | (environment or {}),
        )  # fmt: skip
        service = Service(process, f"http://127.0.0.1:{port}", log)
        try:
            _wait_until_ready(service)
            yield service
        finally:
            end_process(process)


def _wait_until_ready(service: Service, timeout_s: float = 180) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if service.process.poll() is not None:
            raise AssertionError(f"sali serve ended:\n{service.log.read_text()}")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{service.url}/readyz", timeout=10, trust_env=False).status_code == 200:
                return
        time.sleep(0.3)
    raise AssertionError(f"not ready after {timeout_s} s:\n{service.log.read_text()}")


@dataclass(frozen=True)
class Shown:
    """One screenshot of the picture, at the video's own size."""

    pixels: Pixels
    number: int | None
    outlined: Mask

    @property
    def has_outline(self) -> bool:
        return bool(self.outlined.any())


def look(page: Any, video_size: tuple[int, int]) -> Shown:
    """Take a screenshot and cut the picture out of it; (width, height) is the video's."""
    box = _picture_box(page)
    # A line more or less in the bar below moves the picture.
    for _ in range(20):
        png = page.screenshot(type="png")
        before, box = box, _picture_box(page)
        if box == before:
            break
    shot = Image.open(io.BytesIO(png)).convert("RGB")
    width, height = video_size
    scale = min(box[2] / width, box[3] / height)  # object-fit: contain
    # Rounding must not put it a hair outside the screenshot.
    left = max(0.0, box[0] + (box[2] - width * scale) / 2)
    top = max(0.0, box[1] + (box[3] - height * scale) / 2)
    picture = shot.resize(
        (width, height), Image.Resampling.BILINEAR,
        box=(left, top, left + width * scale, top + height * scale),
    )  # fmt: skip
    pixels = np.asarray(picture)
    return Shown(pixels, read_frame_code(pixels), outlined_area(pixels))


def _picture_box(page: Any) -> list[float]:
    """Left, top, width and height of the canvas on the page."""
    box: list[float] = page.evaluate(
        """() => { const r = document.querySelector('canvas.picture').getBoundingClientRect();
                   return [r.x, r.y, r.width, r.height]; }"""
    )
    return box


def video_picture(page: Any) -> Pixels | None:
    """What the page's <video> shows now, at its own size; None before its first picture."""
    coded = page.evaluate(
        """() => {
          const video = document.querySelector('video');
          if (video === null || video.videoWidth === 0) return null;
          const canvas = document.createElement('canvas');
          canvas.width = video.videoWidth;
          canvas.height = video.videoHeight;
          canvas.getContext('2d').drawImage(video, 0, 0);
          return canvas.toDataURL('image/png').split(',')[1];
        }"""
    )
    if coded is None:
        return None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(coded))).convert("RGB"))


def outlined_area(pixels: Pixels) -> Mask:
    """What the outline encloses: the line itself belongs half inside, so it is counted in."""
    distance = np.abs(pixels.astype(int) - np.array(OUTLINE_RGB)).max(-1)
    line = distance < 70
    return np.asarray(ndimage.binary_fill_holes(line), dtype=bool)


def attribute(page: Any, name: str) -> str:
    """One of the viewer's figures (docs/viewer.md)."""
    value = page.evaluate(f"document.documentElement.getAttribute('data-{name}')")
    return str(value or "")


def wait_attribute(page: Any, name: str, value: str, timeout_s: float = 120) -> None:
    """Wait until one of the viewer's figures is so.

    They are told four times a second, and not at once when something is done. On a machine with
    other work the worker may miss a ping, be replaced and load again.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if attribute(page, name) == value:
            return
        time.sleep(0.05)
    why = attribute(page, name.replace("state", "reason"))
    raise AssertionError(f"data-{name} is {attribute(page, name)!r}, not {value!r} ({why})")


def watch(page: Any, service: Service) -> None:
    """Open the first session's page and wait until its masks come."""
    session = service.wait_for("ai_state", "active")
    page.goto(f"{service.url}/#/session/{session['id']}")
    wait_attribute(page, "ai-state", "active")


def count(page: Any, name: str) -> int:
    return int(attribute(page, name) or 0)


def compare_marks(page: Any, *, wanted: int, timeout_s: float) -> None:
    """Assert that pictures and masks carry the same number, `wanted` times (marker engine)."""
    width, height = VIDEO_SIZE
    matched = 0
    deadline = time.monotonic() + timeout_s
    while matched < wanted and time.monotonic() < deadline:
        shown = look(page, VIDEO_SIZE)
        if shown.number is None or not shown.has_outline:
            continue
        rows, columns = np.nonzero(shown.outlined)
        x, y = place_of(shown.number)
        centre = ((columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2)
        assert abs(centre[0] - x * width) < 8, f"frame {shown.number}: mask of another frame"
        assert abs(centre[1] - y * height) < 8, f"frame {shown.number}: mask of another frame"
        matched += 1
    assert matched >= wanted, f"only {matched} frames with a mask in {timeout_s} s"
