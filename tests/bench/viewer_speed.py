"""Pictures drawn a second and the page's own work, 1080p60 with a mask on every picture.

    python -m tests.bench.viewer_speed [--rounds 3] [--seconds 10] [--out FILE]

A real service relays a 1920 x 1080 film of 60 pictures a second; the engine costs next to nothing
and finds something in every picture. Headless Chromium decodes and draws it in software, so that
service, decoder and drawing share this machine. With and without masks take turns. Told of each:

pictures_per_second   drawn on the canvas
masks_per_second      of these, with their own mask
main_thread_ms        processor time of the page's thread for one picture (CDP `TaskDuration`);
                      decoding and drawing are in other threads
browser_cores         processor time of all of Chromium's processes, in cores
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from sali_core.bench.machine import describe_machine
from sali_core.data.phantom import Phantom, PhantomConfig
from tests.e2e.browser import Service, count, open_page, serve, wait_attribute
from tests.fakes.video_files import write_frames

SIZE = (1920, 1080)
FPS = 60
RENDERED = 30
FILM_FRAMES = 600
ENVIRONMENT = {
    "SALI_WORKER__MODEL": "tests.fakes.drifting_engine:create_engine",
    "SALI_REGION": "full",
}


def write_film(path: Path) -> Path:
    """Write ten seconds that go to and fro over half a second of the phantom, enlarged."""
    scene = Phantom(PhantomConfig(seconds=2.0, seed=7))
    pictures = [
        np.asarray(Image.fromarray(scene.render(number).image).resize(SIZE))
        for number in range(RENDERED)
    ]
    there_and_back = [*pictures, *pictures[-2:0:-1]]
    return write_frames(
        path, [there_and_back[i % len(there_and_back)] for i in range(FILM_FRAMES)], fps=FPS
    )


def processor_s(root: int) -> float:
    """Processor time of a process and all below it, so far."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,cputimes="], capture_output=True, text=True, check=True
    ).stdout
    rows = [tuple(map(int, line.split())) for line in listed.splitlines()]
    family, grown = {root}, True
    while grown:
        more = {pid for pid, parent, _ in rows if parent in family} - family
        family |= more
        grown = bool(more)
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for pid in family:
        # A process that ended since has left its time to its parent.
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / ticks
    return total


def chromium_pid() -> int:
    """The browser started by this process: the child's child that is no helper of it."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    family = {os.getpid()}
    for _ in range(4):
        family |= {int(pid) for pid, parent, _ in rows if int(parent) in family}
    browsers = [
        int(pid)
        for pid, _, arguments in rows
        if int(pid) in family and "chrom" in arguments and "--type=" not in arguments
        and "--remote-debugging" in arguments
    ]  # fmt: skip
    return min(browsers)


class Meter:
    """Reads a page's counters at the beginning and at the end of a stretch."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._link = page.context.new_cdp_session(page)
        self._link.send("Performance.enable")
        self._browser = chromium_pid()

    def _read(self) -> dict[str, float]:
        metrics = self._link.send("Performance.getMetrics")["metrics"]
        task_s = next(each["value"] for each in metrics if each["name"] == "TaskDuration")
        return {
            "at_s": time.monotonic(),
            "pictures": count(self._page, "frames-drawn"),
            "masks": count(self._page, "masks-drawn"),
            "task_s": task_s,
            "browser_s": processor_s(self._browser),
        }

    def measure(self, seconds: float) -> dict[str, float]:
        """Let the page run on and tell what it did."""
        before = self._read()
        self._page.wait_for_timeout(1000 * seconds)
        after = self._read()
        spent = {key: after[key] - before[key] for key in before}
        pictures = max(1.0, spent["pictures"])
        return {
            "pictures_per_second": round(spent["pictures"] / spent["at_s"], 1),
            "masks_per_second": round(spent["masks"] / spent["at_s"], 1),
            "main_thread_ms": round(1000 * spent["task_s"] / pictures, 3),
            "browser_cores": round(spent["browser_s"] / spent["at_s"], 2),
        }


@contextlib.contextmanager
def watched_film(folder: Path) -> Iterator[tuple[Any, Service]]:
    """Serve the film and open the viewer on it, full HD."""
    film = write_film(folder / "film.mp4")
    with (
        serve(folder, str(film), environment=ENVIRONMENT) as service,
        open_page(width=SIZE[0], height=SIZE[1]) as page,
    ):
        session = service.wait_for("ai_state", "active")
        page.goto(f"{service.url}/#/session/{session['id']}")
        wait_attribute(page, "picture", f"{SIZE[0]}x{SIZE[1]}", timeout_s=60)
        page.wait_for_timeout(5000)
        yield page, service


def main() -> None:
    """Measure in turns, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    command = ["python", "-m", "tests.bench.viewer_speed", *sys.argv[1:]]
    machine = asdict(describe_machine(torch.device("cpu"), command))
    rounds: list[dict[str, dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as folder, watched_film(Path(folder)) as (page, _):
        meter = Meter(page)
        for _round in range(arguments.rounds):
            with_masks = meter.measure(arguments.seconds)
            page.keyboard.down(" ")
            without = meter.measure(arguments.seconds)
            page.keyboard.up(" ")
            rounds.append({"with_masks": with_masks, "without_overlay": without})
    report = {
        "machine": machine,
        "film": f"{SIZE[0]}x{SIZE[1]} at {FPS}",
        "rounds": rounds,
    }
    print(json.dumps(report, indent=2))
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
