"""A publisher, the service and a browser with bad networks between them, and what was drawn."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.e2e.browser import MARKER, Service, attribute, serve, wait_attribute
from tests.fakes.code_publisher import CodePublisher, CodeTrack, Size
from tests.fakes.lossy_path import LossyPath, Weather, without_candidates
from tests.fakes.slow_stream import SlowStream

PROBE = (Path(__file__).parent / "frame_probe.js").read_text()
SPELLING = MARKER | {"SALI_WORKER__MODEL": "tests.fakes.spelling_engine:create_engine"}
SIZES: list[Size] = [(640, 480), (320, 240), (480, 360), (640, 360)]
BAD_WEATHER = Weather(loss=0.05, jitter_ms=200, reorder=0.1)
UNMASKED_CAUSES = ("no-origin", "ai-inactive", "too-old", "not-arrived")

# Wrong on purpose: what the mask socket brings is changed before the viewer reads it.
TAMPER = """(() => {
  if (self.isTampered) return;
  self.isTampered = true;
  const { parse } = JSON;
  JSON.parse = (text, ...rest) => {
    const message = parse(text, ...rest);
    if (message?.type === 'origin') message.rtp_origin = (message.rtp_origin + ORIGIN) >>> 0;
    if (message?.type === 'mask') message.pts += PTS;
    return message;
  };
})();"""

# Chromium as it is left to itself: it takes slices without their parameter sets for a keyframe.
TAKE_SLICES = """(() => {
  const { prototype } = RTCPeerConnection;
  const { setLocalDescription } = prototype;
  prototype.setLocalDescription = function (description) {
    const sdp = description.sdp.replaceAll(';sps-pps-idr-in-keyframe=1', '');
    return setLocalDescription.call(this, { type: description.type, sdp });
  };
})();"""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Conditions:
    """What lies between publisher and viewer, and what is published.

    Attributes:
        ingest: Between publisher and service.
        egress: Between service and viewer.
        socket_jitter_ms: Delay of the mask socket's data, up to this.
        fps: Pictures a second.
        frames_a_size: Pictures until the source's resolution changes.
        seed: Of every drawn number.
    """

    ingest: Weather = BAD_WEATHER
    egress: Weather = BAD_WEATHER
    socket_jitter_ms: float = 40
    fps: float = 50
    frames_a_size: int = 500
    seed: int = 1


class LoopThread:
    """An event loop of its own, beside the thread in which Playwright waits."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="network", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _Result], timeout_s: float = 120) -> _Result:
        """Wait for a coroutine's result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout_s)

    def close(self) -> None:
        """End what still runs, the loop and its thread."""
        self.run(_cancel_others())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@dataclass
class Room:
    """A running service whose one WHIP session is published to over a bad network."""

    service: Service
    session_id: str
    page_url: str
    conditions: Conditions
    network: LoopThread
    publisher: CodePublisher | None = None
    egress_paths: list[LossyPath] = field(default_factory=list)
    _seed: int = 100

    def publish(self, codec: str = "H264", sizes: list[Size] | None = None) -> CodePublisher:
        """Begin to publish, in the place of the last publisher."""
        first = 0
        if self.publisher is not None:
            # Numbers go on, so that no mask from before can look right.
            first = self.publisher.track.number + 1000
            self.network.run(self.publisher.close())
        self.publisher = self.network.run(self._publish(codec, sizes or SIZES, first))
        return self.publisher

    async def _publish(self, codec: str, sizes: list[Size], first: int) -> CodePublisher:
        conditions = self.conditions
        track = CodeTrack(codec, conditions.fps, sizes, conditions.frames_a_size, first)
        publisher = CodePublisher(track, codec)
        await publisher.publish(
            self.service.url, self.session_id, conditions.ingest, conditions.seed + self._seed
        )
        self._seed += 2
        return publisher

    def watch(
        self, page: Any, *, origin_off: int = 0, pts_off: int = 0, takes_slices: bool = False
    ) -> Viewer:
        """Open the viewer over the bad network.

        Args:
            page: Not opened yet.
            origin_off: Ticks by which it is wrong on purpose.
            pts_off: The same, of the masks.
            takes_slices: The browser decodes keyframes whose parameter sets are missing.
        """
        if takes_slices:
            page.add_init_script(TAKE_SLICES)
        tamper = ""
        if origin_off or pts_off:
            tamper = TAMPER.replace("ORIGIN", str(origin_off)).replace("PTS", str(pts_off))

        def lead(route: Any) -> None:
            # Before there is a connection: what was read then would be right all along.
            if tamper:
                overlay_realm(page).evaluate(tamper)
            self._lead_over_path(route)

        page.route("**/whep", lead)
        page.route("**/whep?*", lead)
        instrument(page)
        page.goto(f"{self.page_url}/#/session/{self.session_id}")
        return Viewer(page)

    def _lead_over_path(self, route: Any) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        response = route.fetch(post_data=without_candidates(route.request.post_data))
        if response.status != 201:
            route.fulfill(response=response)
            return
        self._seed += 2
        seed = self.conditions.seed + self._seed
        path, answer = self.network.run(
            LossyPath.lead(response.text(), self.conditions.egress, seed)
        )
        self.egress_paths.append(path)
        route.fulfill(response=response, body=answer)

    def session(self) -> dict[str, Any]:
        """What the service says of the session."""
        return self.service.sessions()[0]


@dataclass(frozen=True)
class Figures:
    """What a viewer drew, read off its canvas, and what it says itself.

    Attributes:
        shown: Pictures.
        masks: Of these, with a mask.
        wrong: Draws of a mask that spells another picture's number.
        unclear: Draws of a mask that spells no number, or on a picture whose number is unreadable.
        unreadable: Pictures whose number could not be read.
        backwards: Pictures with a smaller number than the one before.
        sizes: Pictures by size.
        masked: Pictures with a mask, by size.
        examples: The first that are wrong, unclear, unreadable or backwards.
        unmasked: Pictures that left the screen without a mask, by cause.
        late_masks: Masks that came when their picture had left.
        dropped_frames: Pictures that were never shown.
        spoiled_frames: Pictures that were not shown because they cannot be what was sent.
        doubted_sizes: How often they were shown after all.
    """

    shown: int
    masks: int
    wrong: int
    unclear: int
    unreadable: int
    backwards: int
    sizes: dict[str, int]
    masked: dict[str, int]
    examples: list[dict[str, Any]]
    unmasked: dict[str, int]
    late_masks: int
    dropped_frames: int
    spoiled_frames: int
    doubted_sizes: int

    def as_dict(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)


def instrument(page: Any) -> None:
    """Prepare a page, before it is opened, for the probe."""
    page.add_init_script(PROBE)


def overlay_realm(page: Any) -> Any:
    """Where the overlay of an opened page draws: its worker, or the page itself."""
    page.wait_for_function("document.querySelector('canvas.picture') !== null")
    if page.evaluate("typeof MediaStreamTrackProcessor === 'undefined'"):
        return page
    deadline = time.monotonic() + 60
    while not page.workers and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    return page.workers[0]


class Viewer:
    """An opened page and the realm in which its overlay draws."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.realm = overlay_realm(page)
        self.realm.evaluate(PROBE)

    def wait_for_masks(self, timeout_s: float = 120) -> None:
        """Wait until the first mask was drawn."""
        wait_attribute(self.page, "ai-state", "active", timeout_s)
        self.wait_until(lambda figures: figures.masks > 0, timeout_s)

    def wait_until(self, is_enough: Callable[[Figures], bool], timeout_s: float) -> Figures:
        """Wait until enough was drawn, or the time is over; returns what was."""
        deadline = time.monotonic() + timeout_s
        figures = self.figures()
        while time.monotonic() < deadline and not is_enough(figures):
            self.page.wait_for_timeout(250)
            figures = self.figures()
        return figures

    def save_examples(self, folder: Path) -> list[Path]:
        """Write the first of the `examples`, as they were drawn, as PNG files."""
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for number, text in enumerate(self.realm.evaluate("self.frameProbePictures")):
            files.append(folder / f"example-{number}.png")
            files[-1].write_bytes(base64.b64decode(text))
        return files

    def figures(self) -> Figures:
        """What was drawn since the page was opened."""
        probe = self.realm.evaluate("self.frameProbe")
        del probe["lastNumber"]
        return Figures(
            **probe,
            unmasked={
                cause: int(attribute(self.page, f"unmasked-{cause}") or 0)
                for cause in UNMASKED_CAUSES
            },
            late_masks=int(attribute(self.page, "late-masks") or 0),
            dropped_frames=int(attribute(self.page, "dropped-frames") or 0),
            spoiled_frames=int(attribute(self.page, "spoiled-frames") or 0),
            doubted_sizes=int(attribute(self.page, "doubted-sizes") or 0),
        )


@contextlib.contextmanager
def open_room(
    folder: Path, conditions: Conditions, codec: str = "H264", sizes: list[Size] | None = None
) -> Iterator[Room]:
    """Start the service and a publisher, wait for its first picture."""
    with serve(folder, "whip", loop=False, environment=SPELLING) as service:
        network = LoopThread()
        port = int(service.url.rsplit(":", 1)[1])
        slow = SlowStream(("127.0.0.1", port), conditions.socket_jitter_ms, conditions.seed)
        page_port = network.run(slow.open())
        session = service.wait_for("source_state", "connecting")
        page_url = f"http://127.0.0.1:{page_port}"
        room = Room(service, session["id"], page_url, conditions, network)
        try:
            room.publish(codec, sizes)
            service.wait_for("ai_state", "active")
            yield room
        finally:
            if room.publisher is not None:
                network.run(room.publisher.close())
            for path in room.egress_paths:
                network.loop.call_soon_threadsafe(path.close)
            network.run(slow.aclose())
            network.close()
