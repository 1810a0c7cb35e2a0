"""Pictures of the viewer as people see it, on the phantom: every state, look and page.

    python -m tests.e2e.screenshots FOLDER [--docs docs/images] [--widths 1280]

Only the phantom is ever shown: the pictures may be published. Those that the documentation shows
are written into its folder too. Best on a machine without other work.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from sali_core.data.phantom import Phantom, PhantomConfig
from server.masks.look import OUTLINE_RGB
from tests.e2e.browser import Service, attribute, open_page, serve, wait_attribute
from tests.e2e.looking import outlined, until
from tests.e2e.phantom_film import write_phantom_film

SIZES = ((1920, 1080), (1280, 800))
IN_DOCS = (
    "outline-1280", "view-1280", "late-1280", "lost-1280", "findings-1280", "memory-1280",
    "wall-1280",
)  # fmt: skip
STRETCHES = (range(60, 130), range(395, 465), range(660, 730))
"""Three polyps of the scene."""
# A stopped worker is late for long, a killed one failed for long enough to be looked at.
ENVIRONMENT = {
    "SALI_WORKER__STEP_TIMEOUT_S": "20",
    "SALI_WORKER__PING_TIMEOUT_MS": "20000",
    "SALI_WORKER__RESTART_DELAY_MS": "4000",
    "SALI_SESSION__MAX_SESSIONS": "4",
}


@dataclass(frozen=True)
class Camera:
    """Takes pictures of one page into a folder, and of some into that of the documentation."""

    page: Any
    folder: Path
    docs: Path | None

    def shoot(self, name: str, *, marked: bool = False) -> None:
        """Take a picture; where the AI does not keep up, wait for one with a mask if wanted."""
        width = self.page.viewport_size["width"]
        for _ in range(40):
            shot = Image.open(io.BytesIO(self.page.screenshot(type="png"))).convert("RGB")
            if not marked or self._is_marked(shot):
                break
        folders = [self.folder]
        if self.docs is not None and f"{name}-{width}" in IN_DOCS:
            folders.append(self.docs)
        for folder in folders:
            path = folder / f"viewer-{name}-{width}.webp"
            shot.save(path, "WEBP", quality=80, method=6)
            print(path, path.stat().st_size, attribute(self.page, "ai-state"))

    def _is_marked(self, shot: Image.Image) -> bool:
        box = self.page.locator("canvas.picture").first.bounding_box()
        left, top = box["x"], box["y"]
        stage = shot.crop((left, top, left + box["width"], top + box["height"]))
        off = np.abs(np.asarray(stage).astype(int) - np.array(OUTLINE_RGB)).max(-1)
        return bool((off < 60).sum() > 100)

    def press(self, keys: str) -> None:
        """Press keys; what they change is on the screen afterwards."""
        for key in keys:
            self.page.keyboard.press(key)
        self.page.wait_for_timeout(500)

    def open(self, address: str) -> None:
        self.page.goto("about:blank")
        self.page.goto(address)

    def watch(self, address: str) -> None:
        """Open a session's page and wait until a polyp is marked."""
        self.open(address)
        wait_attribute(self.page, "ai-state", "active", timeout_s=120)
        self.wait_until_marked()

    def wait_until_marked(self) -> None:
        until(lambda: outlined(self.page) > 200, "a polyp is marked", 120)


def take_looks(camera: Camera, address: str) -> None:
    """Styles, layouts, dialogs and panels of one session, then the second screen."""
    camera.watch(address)
    for name, before, after in (("outline", "", ""), ("fill", "o", "ooo"), ("corners", "oo", "oo")):
        camera.press(before)
        camera.shoot(name, marked=True)
        camera.press(after)
    camera.press("b")
    camera.shoot("beside", marked=True)
    camera.press("b")
    for name, key in (("view", "v"), ("help", "?"), ("region", "r"), ("patient", "n")):
        camera.press(key)
        camera.page.locator("dialog[open]").wait_for()
        # The others darken what lies behind them.
        camera.shoot(name, marked=name in ("view", "patient"))
        camera.page.keyboard.press("Escape")
    camera.press("s")
    until(lambda: camera.page.locator(".finding path.line").count() >= 1, "a finding", 120)
    camera.shoot("findings", marked=True)
    camera.press("s")
    camera.press("w")
    until(lambda: camera.page.locator(".memory-frames img").count() >= 4, "the memory", 60)
    camera.page.locator(".memory-frames button").first.click()
    camera.page.wait_for_timeout(1500)
    camera.shoot("memory", marked=True)
    camera.watch(address.replace("/#", "/?screen=1#"))
    camera.shoot("screen", marked=True)


def take_pages(camera: Camera, server: str) -> None:
    """List, its form, wall, health, settings and the question for the token."""
    for name, place in (("list", "#/"), ("wall", "#/wall"), ("settings", "#/settings")):
        camera.open(f"{server}/{place}")
        camera.page.wait_for_timeout(3000)
        camera.shoot(name, marked=name == "wall")
    camera.open(f"{server}/#/")
    camera.page.get_by_label("Source").select_option("capture")
    camera.page.wait_for_timeout(500)
    camera.page.mouse.wheel(0, 2000)
    camera.page.wait_for_timeout(300)
    camera.shoot("form")
    camera.open(f"{server}/#/health")
    camera.page.wait_for_timeout(9000)
    camera.shoot("health")
    camera.page.route("**/v1/sessions", lambda route: route.fulfill(status=401, json={}))
    camera.open(f"{server}/#/")
    camera.page.locator("input[name=token]").wait_for()
    camera.shoot("token")
    camera.page.unroute("**/v1/sessions")


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Hold a process for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def take_states(camera: Camera, service: Service, address: str, ended: str) -> None:
    """What the page says when something fails, and while it comes back."""
    camera.watch(address)
    with stopped(service.worker_pid()):
        wait_attribute(camera.page, "ai-state", "late")
        camera.page.wait_for_timeout(500)
        camera.shoot("late")
    camera.watch(address)
    os.kill(service.worker_pid(), signal.SIGKILL)
    for state in ("failed", "warming"):
        wait_attribute(camera.page, "ai-state", state)
        camera.page.wait_for_timeout(500)
        camera.shoot(state)
    camera.watch(address)
    with stopped(service.process.pid):
        wait_attribute(camera.page, "ai-state", "lost")
        camera.page.wait_for_timeout(3000)
        camera.shoot("lost")
    camera.open(ended)
    wait_attribute(camera.page, "source-state", "ended", timeout_s=60)
    camera.page.wait_for_timeout(1500)
    camera.shoot("ended")


def start_session(service: Service, name: str, source: str) -> str:
    """Start a session; returns its page's address."""
    body = {"name": name, "source": source, "loop": False}
    answer = httpx.post(f"{service.url}/v1/sessions", json=body, timeout=10, trust_env=False)
    return f"{service.url}/#/session/{answer.raise_for_status().json()['id']}"


def main() -> None:
    """Take every picture at both sizes into the folder given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--widths", nargs="+", type=int, default=[width for width, _ in SIZES])
    parser.add_argument("--only", nargs="+", choices=("looks", "pages", "states"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        scene = Phantom(PhantomConfig(seconds=40.0, seed=7))
        film = write_phantom_film(Path(scratch) / "scene.mp4", scene, STRETCHES)
        short = write_phantom_film(Path(scratch) / "short.mp4", scene, (range(60, 90),), times=1)
        with serve(Path(scratch), str(film), environment=ENVIRONMENT) as service:
            session = service.wait_for("ai_state", "active")
            address = f"{service.url}/#/session/{session['id']}"
            sections: dict[str, Callable[[Camera], None]] = {
                "looks": lambda camera: take_looks(camera, address),
                "states": lambda camera: take_states(
                    camera, service, address, start_session(service, "Room 3", str(short))
                ),
                "pages": lambda camera: take_pages(camera, service.url),
            }
            start_session(service, "Room 2", "whip")
            for width, height in SIZES:
                if width not in arguments.widths:
                    continue
                with open_page(width=width, height=height) as page:
                    for name in arguments.only or sections:
                        sections[name](Camera(page, arguments.folder, arguments.docs))


if __name__ == "__main__":
    main()
