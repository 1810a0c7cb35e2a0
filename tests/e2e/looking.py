"""What a person would see of the viewer, asked of the page itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CLIENT = Path(__file__).resolve().parents[2] / "client_web"

# Pixels of the outline's colour in the left and in the right half of the canvas.
_OUTLINED = """() => {
  const shown = document.querySelector('canvas.picture');
  const copy = new OffscreenCanvas(shown.width, shown.height);
  const context = copy.getContext('2d');
  context.drawImage(shown, 0, 0);
  const {data, width, height} = context.getImageData(0, 0, copy.width, copy.height);
  const halves = [0, 0];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const i = 4 * (y * width + x);
    const off = Math.max(data[i], Math.abs(data[i + 1] - 255), Math.abs(data[i + 2] - 208));
    if (off < 70) halves[2 * x < width ? 0 : 1]++;
  }
  return halves;
}"""

# Everything that can be pressed and is smaller than a gloved finger.
_SMALL_TARGETS = """() => [...document.querySelectorAll('button, select, input, a[href]')]
  .filter((element) => element.checkVisibility())
  .map((element) => element.closest('label.check, .choice label') ?? element)
  .map((element) => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
  .filter(([, box]) => box.height < 43.5 || box.width < 43.5)
  .map(([name, box]) => `${name} ${box.width} x ${box.height}`)"""


def outlined_halves(page: Any) -> tuple[int, int]:
    """Count the pixels of the outline's colour in the left and the right half of the canvas."""
    left, right = page.evaluate(_OUTLINED)
    return int(left), int(right)


def outlined(page: Any) -> int:
    return sum(outlined_halves(page))


def shows_both(page: Any) -> bool:
    """Whether the canvas is drawn with the clean picture beside the one with masks.

    A figure of the page tells what was chosen; this is what is seen.
    """
    both: bool = page.evaluate(
        """() => { const {width, height} = document.querySelector('canvas.picture');
                   return width > 2 * height; }"""
    )
    return both


def until(fact: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + timeout_s
    while not fact():
        assert time.monotonic() < deadline, f"{what}: not so after {timeout_s} s"
        time.sleep(0.05)


def small_targets(page: Any) -> list[str]:
    """List what can be pressed and is less than 44 pixels wide or high."""
    found: list[str] = page.evaluate(_SMALL_TARGETS)
    return found


def axe_violations(page: Any) -> list[str]:
    """Run axe-core's checks (WCAG 2.2 A and AA, best practices) on the page as it stands."""
    source = CLIENT / "node_modules/axe-core/axe.min.js"
    if not source.is_file():
        pytest.skip("axe-core is not installed (`npm ci` in client_web)")
    page.evaluate(source.read_text())
    found: list[str] = page.evaluate(
        """async () => (await axe.run(document)).violations.map(({id, nodes}) =>
           id + ': ' + nodes.map((node) => node.html.slice(0, 120)).join(' | '))"""
    )
    return found
