"""A headless Chromium, driven by Playwright: tools of the benchmark, not of the service."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from server.errors import BenchError

if TYPE_CHECKING:
    from playwright.sync_api import Page

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_CLOCK_ROUNDS = 40


def find_chromium() -> str | None:
    """Path of an installed Chromium; None if there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def require_chromium() -> str:
    """Refuse early where no browser can be driven; return its path.

    Raises:
        BenchError: Playwright or Chromium is missing; the text tells the cure.
    """
    if find_spec("playwright") is None:
        raise BenchError("reading pixels needs Playwright: pip install 'sali-live[bench]'")
    path = find_chromium()
    if path is None:
        raise BenchError(
            "reading pixels needs Chromium: apt-get install chromium, or put it on PATH"
        )
    return path


@contextlib.contextmanager
def open_page(width: int, height: int) -> Iterator[Page]:
    """Open a page of a fresh headless Chromium.

    Raises:
        BenchError: As `require_chromium`, or the browser does not start.
    """
    path = require_chromium()
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        except Error as exc:
            raise BenchError(f"{path} does not start: {exc.message.splitlines()[0]}") from exc
        try:
            yield browser.new_context(viewport={"width": width, "height": height}).new_page()
        finally:
            browser.close()


def clock_offset_ns(page: Page) -> tuple[int, int]:
    """Compare the page's `performance.now()` with our monotonic clock.

    Returns:
        What is to be added to the page's time, in ns, to have ours; and by how much that may be
        wrong: half of the quickest round trip.
    """
    best: tuple[int, int] | None = None
    for _ in range(_CLOCK_ROUNDS):
        before_ns = time.monotonic_ns()
        theirs_ms: float = page.evaluate("performance.now()")
        after_ns = time.monotonic_ns()
        half_ns = (after_ns - before_ns) // 2
        if best is None or half_ns < best[1]:
            best = before_ns + half_ns - round(theirs_ms * 1e6), half_ns
    if best is None:
        raise BenchError("the browser's clock cannot be read")
    return best
