"""Pictures of the viewer as people see it, on the phantom and with the real network.

    python -m tests.e2e.screenshots FOLDER

Only the phantom is ever shown: the pictures may be published. Best on a machine without other work.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from tests.e2e.browser import attribute, open_page, serve, wait_attribute
from tests.e2e.looking import outlined, until

SIZES = ((1920, 1080), (1280, 800))
_HELD = {"outline": "", "fill": "o", "corners": "oo"}


def take(page: Any, path: Path) -> None:
    """Write what the page shows, small enough for a repository."""
    shot = Image.open(io.BytesIO(page.screenshot(type="png"))).convert("RGB")
    shot.save(path, "WEBP", quality=80, method=6)
    print(path, path.stat().st_size, attribute(page, "ai-state"))


def take_all(page: Any, address: str, session_id: str, folder: Path, width: int) -> None:
    """Go through every page, look and layout."""

    def shoot(name: str) -> None:
        take(page, folder / f"viewer-{name}-{width}.webp")

    def marked() -> None:
        until(lambda: outlined(page) > 200, "a polyp is marked", 120)

    page.goto(f"{address}/#/session/{session_id}")
    wait_attribute(page, "ai-state", "active", timeout_s=120)
    for name, keys in _HELD.items():
        for key in keys:
            page.keyboard.press(key)
        marked()
        shoot(name)
        for _ in range((4 - len(keys)) % 4):
            page.keyboard.press("o")
    page.keyboard.press("b")
    marked()
    shoot("beside")
    page.keyboard.press("b")
    for name, key in (("view", "v"), ("help", "?")):
        page.keyboard.press(key)
        page.locator("dialog[open]").wait_for()
        shoot(name)
        page.keyboard.press("Escape")
    page.goto("about:blank")
    page.goto(f"{address}/?screen=1#/session/{session_id}")
    wait_attribute(page, "ai-state", "active", timeout_s=120)
    marked()
    shoot("screen")
    for name, place in (("wall", "#/wall"), ("list", "#/")):
        page.goto("about:blank")
        page.goto(f"{address}/{place}")
        page.wait_for_timeout(4000)
        shoot(name)


def main() -> None:
    """Take every picture at both sizes into the folder given."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, serve(Path(scratch), "demo") as service:
        session = service.wait_for("ai_state", "active")
        for width, height in SIZES:
            with open_page(width=width, height=height) as page:
                take_all(page, service.url, session["id"], folder, width)


if __name__ == "__main__":
    main()
