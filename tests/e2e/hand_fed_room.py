"""A room whose pictures, worker and network can be stopped by hand, and a page that watches it."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from sali_core.data.phantom.frame_code import draw_frame_code
from tests.e2e.browser import MARKER, Service, open_page, serve, wait_attribute

FPS = 25
# A worker that is stopped again and again is replaced soon every time, not later and later. What
# the page shows of it is measured from the signal on and ends long before.
ENVIRONMENT = MARKER | {
    "SALI_WORKER__STEP_TIMEOUT_S": "1",
    "SALI_WORKER__RESTART_DELAY_MAX_MS": "250",
}
_NUMBERS = 256

# Takes down, at every repaint, which picture is shown, whether it is marked, and what state stands
# below it. The clock is the time of day in ms, which Python reads too.
_OBSERVE = """() => {
  const copy = new OffscreenCanvas(640, 480);
  const context = copy.getContext('2d', {willReadFrequently: true});
  window.samples = [];
  const look = () => {
    const shown = document.querySelector('canvas.picture');
    const chip = document.querySelector('.chip.ai');
    if (shown !== null && chip !== null) {
      context.drawImage(shown, 0, 0, 640, 480);
      const {data} = context.getImageData(0, 0, 640, 480);
      let number = 0;
      for (let bit = 0; bit < 16; bit++)
        number = 2 * number + (data[4 * (456 * 640 + 16 * bit + 8)] > 128 ? 1 : 0);
      let marked = 0;
      for (let i = 0; i < data.length; i += 4)
        if (data[i] < 70 && Math.abs(data[i + 1] - 255) < 70 && Math.abs(data[i + 2] - 208) < 70)
          marked++;
      const at = performance.timeOrigin + performance.now();
      window.samples.push([at, number, marked > 3, chip.dataset.state]);
      if (window.samples.length > 2000) window.samples.shift();
    }
    requestAnimationFrame(look);
  };
  look();
}"""


@dataclass(frozen=True)
class Sample:
    """What the screen showed at one repaint."""

    at_ms: float
    number: int
    is_marked: bool
    ai_state: str


class Feeder:
    """Pushes numbered pictures at 25 a second from a thread of its own, unless it is paused."""

    def __init__(self, server: str, session_id: str) -> None:
        self._url = f"{server.replace('http', 'ws', 1)}/v1/sessions/{session_id}/frames"
        self._pictures = [_picture(number) for number in range(_NUMBERS)]
        self._go = threading.Event()
        self._go.set()
        self._idle = threading.Event()
        self._is_over = False
        self.last_at_ms = 0.0
        self._thread = threading.Thread(target=self._run, name="feeder")
        self._thread.start()

    def pause(self) -> None:
        """Stop; no picture is under way any more when this returns."""
        self._idle.clear()
        self._go.clear()
        assert self._idle.wait(10), "the feeder hangs"

    def resume(self) -> None:
        self._go.set()

    def stop(self) -> None:
        self._is_over = True
        self._go.set()
        self._thread.join(10)

    def _run(self) -> None:
        number = 0
        due = time.monotonic()
        protocols = [Subprotocol("sali.frames.v1")]
        with connect(self._url, subprotocols=protocols, max_queue=None) as link:
            while not self._is_over:
                if not self._go.is_set():
                    self._idle.set()
                    self._go.wait()
                link.send(self._pictures[number % _NUMBERS])
                self.last_at_ms = time.time() * 1000
                number += 1
                due = max(due + 1 / FPS, time.monotonic() - 1 / FPS)
                time.sleep(max(0.0, due - time.monotonic()))
                with contextlib.suppress(TimeoutError):
                    while True:
                        link.recv(timeout=0)


def _picture(number: int) -> bytes:
    """Draw a reddish ground with the number's code."""
    pixels = np.full((480, 640, 3), (150, 60, 50), np.uint8)
    draw_frame_code(pixels, number)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


class Gate:
    """A TCP relay that can fall silent while every connection stays open."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, name="gate")
        self._acceptor.start()

    def hold(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def close(self) -> None:
        """End every connection and wait for its threads."""
        self._open.set()
        # Closing alone would leave `accept` waiting.
        _shut(self._listener)
        self._acceptor.join(10)
        self._listener.close()
        for end in self._ends:
            _shut(end)
        for thread in self._threads:
            thread.join(10)
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target_port))
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    pump = threading.Thread(target=self._pump, args=(source, sink))
                    self._threads.append(pump)
                    pump.start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._open.wait()
                sink.sendall(data)
        _shut(sink)


def _shut(end: socket.socket) -> None:
    """End both directions; an end that is gone already is as good."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@dataclass
class Room:
    """The running parts; each failure returns the moment it began, in ms of the time of day."""

    page: Any
    service: Service
    feeder: Feeder
    gate: Gate

    def samples(self, since_ms: float = 0) -> list[Sample]:
        taken = self.page.evaluate("window.samples")
        return [Sample(*one) for one in taken if one[0] >= since_ms]

    def wait_until_marked(self, timeout_s: float = 120) -> None:
        """Wait until masks were just drawn on several pictures and the AI is active."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.page.wait_for_timeout(100)
            recent = self.samples(time.time() * 1000 - 500)
            marked = {sample.number for sample in recent if sample.is_marked}
            if len(marked) >= 2 and recent[-1].ai_state == "active":
                return
        raise AssertionError(f"no masks after {timeout_s} s: {self.samples()[-5:]}")

    def stop_worker(self) -> float:
        os.kill(self.service.worker_pid(), signal.SIGSTOP)
        return time.time() * 1000

    def silence_network(self) -> float:
        self.gate.hold()
        return time.time() * 1000

    def stop_source(self) -> float:
        self.feeder.pause()
        return self.feeder.last_at_ms

    def freeze_tab(self, frozen_s: float) -> tuple[float, int]:
        """Freeze the page for a while; return when it was let go, and which picture stood there."""
        link = self.page.context.new_cdp_session(self.page)
        number = self.samples()[-1].number
        link.send("Page.setWebLifecycleState", {"state": "frozen"})
        time.sleep(frozen_s)
        began = time.time() * 1000
        link.send("Page.setWebLifecycleState", {"state": "active"})
        link.detach()
        return began, number


@contextlib.contextmanager
def hand_fed_room(folder: Path) -> Iterator[Room]:
    """Serve pushed pictures with the marker engine and open the viewer on them, observed."""
    with serve(folder, "frames", loop=False, environment=ENVIRONMENT) as service:
        session_id = service.sessions()[0]["id"]
        feeder = Feeder(service.url, session_id)
        gate = Gate(int(service.url.rsplit(":", 1)[1]))
        try:
            service.wait_for("ai_state", "active")
            with open_page() as page:
                page.goto(f"http://127.0.0.1:{gate.port}/#/session/{session_id}")
                wait_attribute(page, "ai-state", "active")
                page.evaluate(_OBSERVE)
                yield Room(page, service, feeder, gate)
        finally:
            gate.close()
            feeder.stop()
