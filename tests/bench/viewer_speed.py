"""Pictures drawn a second and the page's own work, 1080p60 with a mask on every picture.

    python -m tests.bench.viewer_speed [--rounds 3] [--seconds 10] [--out FILE]

A real service relays a 1920 x 1080 film of 60 pictures a second; the engine costs next to nothing
and finds something in every picture. Headless Chromium decodes and draws it in software, so that
service, decoder and drawing share this machine. With masks, without overlay, and a bare video
element in place of the viewer (the naive form: what this machine can show at all) take turns.
Told of each:

pictures_per_second   drawn on the canvas, or presented by the bare element
received_per_second   pictures that the browser had decoded
masks_per_second      drawn with their own mask
main_thread_ms        processor time of the page's thread for one picture (CDP `TaskDuration`);
                      decoding and drawing are in other threads
browser_cores         processor time of all of Chromium's processes, in cores
service_cores         the same of the service and its worker
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
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from sali_core.bench.machine import describe_machine
from sali_core.data.phantom import Phantom, PhantomConfig
from tests.e2e.browser import Service, count, open_page, serve, wait_attribute
from tests.e2e.looking import until
from tests.fakes.video_files import write_frames

SIZE = (1920, 1080)
FPS = 60
RENDERED = 30
FILM_FRAMES = 600
SETTLE_S = 4.0
"""After a page was opened: the browser's own buffers have found their length."""
Counts = Callable[[Any], tuple[int, int, int]]
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


# A page that does nothing but show the session's video.
_BARE = """async (path) => {
  const peer = new RTCPeerConnection();
  peer.addTransceiver('video', {direction: 'recvonly'});
  await peer.setLocalDescription(await peer.createOffer());
  while (peer.iceGatheringState !== 'complete') await new Promise((done) => setTimeout(done, 20));
  const answer = await fetch(path, {method: 'POST', body: peer.localDescription.sdp,
                                    headers: {'Content-Type': 'application/sdp'}});
  if (answer.status !== 201) throw new Error('WHEP answered ' + answer.status);
  const video = document.createElement('video');
  video.muted = true;
  video.style = 'position: fixed; inset: 0; width: 100%; height: 100%';
  document.body.replaceChildren(video);
  peer.ontrack = ({track}) => { video.srcObject = new MediaStream([track]); video.play(); };
  await peer.setRemoteDescription({type: 'answer', sdp: await answer.text()});
  window.bare = {presented: 0, peer};
  const count = (_, {presentedFrames}) => {
    window.bare.presented = presentedFrames;
    video.requestVideoFrameCallback(count);
  };
  video.requestVideoFrameCallback(count);
}"""
_BARE_COUNTS = """async () => {
  const reports = [...(await window.bare.peer.getStats()).values()];
  return [window.bare.presented, reports.find((one) => one.type === 'inbound-rtp').framesDecoded];
}"""


def viewer_counts(page: Any) -> tuple[int, int, int]:
    """Pictures drawn, received, and drawn with their mask, by the viewer."""
    return count(page, "frames-drawn"), count(page, "frames-received"), count(page, "masks-drawn")


def bare_counts(page: Any) -> tuple[int, int, int]:
    """The same of the bare element."""
    presented, decoded = page.evaluate(_BARE_COUNTS)
    return presented, decoded, 0


class Meter:
    """Reads a page's counters at the beginning and at the end of a stretch."""

    def __init__(self, page: Any, service: Service, counts: Counts) -> None:
        self._page = page
        self._counts = counts
        self._link = page.context.new_cdp_session(page)
        self._link.send("Performance.enable")
        self._browser = chromium_pid()
        self._service = service.process.pid

    def _read(self) -> dict[str, float]:
        metrics = self._link.send("Performance.getMetrics")["metrics"]
        pictures, received, masks = self._counts(self._page)
        return {
            "at_s": time.monotonic(),
            "pictures": pictures,
            "received": received,
            "masks": masks,
            "task_s": next(each["value"] for each in metrics if each["name"] == "TaskDuration"),
            "browser_s": processor_s(self._browser),
            "service_s": processor_s(self._service),
        }

    def measure(self, seconds: float) -> dict[str, float]:
        """Let the page run on and tell what it did."""
        before = self._read()
        self._page.wait_for_timeout(1000 * seconds)
        after = self._read()
        spent = {key: after[key] - before[key] for key in before}
        lasted_s = spent["at_s"]
        return {
            "pictures_per_second": round(spent["pictures"] / lasted_s, 1),
            "received_per_second": round(spent["received"] / lasted_s, 1),
            "masks_per_second": round(spent["masks"] / lasted_s, 1),
            "main_thread_ms": round(1000 * spent["task_s"] / max(1.0, spent["pictures"]), 3),
            "browser_cores": round(spent["browser_s"] / lasted_s, 2),
            "service_cores": round(spent["service_s"] / lasted_s, 2),
        }


class Screen:
    """A browser's window in which the viewer or a bare element shows the session."""

    def __init__(self, page: Any, service: Service) -> None:
        self._page = page
        self._service = service
        self._session = service.wait_for("ai_state", "active")["id"]

    def measure_viewer(self, seconds: float) -> dict[str, dict[str, float]]:
        """Show the viewer with masks, then with its overlay hidden."""
        page = self._page
        self._open(f"/#/session/{self._session}")
        wait_attribute(page, "picture", f"{SIZE[0]}x{SIZE[1]}", timeout_s=60)
        page.wait_for_timeout(1000 * SETTLE_S)
        meter = Meter(page, self._service, viewer_counts)
        with_masks = meter.measure(seconds)
        page.keyboard.down(" ")
        without = meter.measure(seconds)
        page.keyboard.up(" ")
        return {"with_masks": with_masks, "without_overlay": without}

    def measure_bare(self, seconds: float) -> dict[str, float]:
        """Show nothing but the video."""
        page = self._page
        self._open("/livez")
        page.evaluate(_BARE, f"/v1/sessions/{self._session}/whep")
        # Not by `wait_for_function`, which the page's Content-Security-Policy forbids.
        until(lambda: bool(page.evaluate("window.bare.presented > 0")), "the bare video plays")
        page.wait_for_timeout(1000 * SETTLE_S)
        return Meter(page, self._service, bare_counts).measure(seconds)

    def _open(self, path: str) -> None:
        self._page.goto("about:blank")
        self._page.goto(self._service.url + path)


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
    with tempfile.TemporaryDirectory() as folder:
        film = write_film(Path(folder) / "film.mp4")
        with (
            serve(Path(folder), str(film), environment=ENVIRONMENT) as service,
            open_page(width=SIZE[0], height=SIZE[1]) as page,
        ):
            screen = Screen(page, service)
            for _round in range(arguments.rounds):
                measured = screen.measure_viewer(arguments.seconds)
                rounds.append({**measured, "bare_video": screen.measure_bare(arguments.seconds)})
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
