"""From a picture's leaving the source to its being seen in a browser, with and without the AI.

The viewer's own page runs in a headless Chromium; `glass_page` reads the pixels it shows. A
picture counts as seen at the first refresh at which its number can be read, as on a monitor of 60
Hz. The source's clock is the publisher's (a file's: the service's, which paces it).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from server.bench import glass_page
from server.bench.chromium import clock_offset_ns, open_page, require_chromium
from server.bench.coded_video import BLOCK_PX, CodedVideo, VideoShape, render_coded_video
from server.bench.marker_model import StepTime, marker_environment
from server.bench.mask_reader import MaskArrival, MaskLog
from server.bench.pairing import Arrival, pair_up
from server.bench.percentiles import Percentiles
from server.bench.publisher import Publisher
from server.bench.service import Service
from server.errors import BenchError
from server.http.web import is_viewer_built
from server.settings import WebSettings

if TYPE_CHECKING:
    from playwright.sync_api import Page

GlassKind = Literal["file", "rtsp", "whip"]
KINDS: tuple[GlassKind, ...] = ("file", "rtsp", "whip")
Mode = Literal["exact", "live", "without"]
MEANINGS: dict[Mode, str] = {
    "exact": "exact: a picture waits for its mask",
    "live": "live: no picture waits",
    "without": "without the AI",
}
_TAIL_S = 1.0
_PAGE_TIMEOUT_S = 60.0
_NEVER_MS = str(3_600_000)
_FIGURES = ("frames-received", "frames-drawn", "masks-drawn", "late-masks", "dropped-frames")


@dataclass(frozen=True)
class GlassSettings:
    """What is measured.

    Attributes:
        shape: The video.
        kinds: Kinds of sources.
        seconds: Of each mode.
        step_ms: Time of a step of the stand-in model.
        weights: Real weights instead; masks can then not be told apart.
        settle_s: Time between two modes: the exact mode's hold changes by 0.2 ms a ms, and looks
            back over 5 s.
    """

    shape: VideoShape
    kinds: tuple[GlassKind, ...] = KINDS
    seconds: float = 20.0
    step_ms: int = 30
    weights: str | None = None
    settle_s: float = 8.0


@dataclass(frozen=True)
class ModeResult:
    """One mode of one source.

    Attributes:
        pictures: Left the source.
        missing: Of these, never seen.
        glass: From leaving the source to being seen.
        masked: Pictures seen with their own mask.
        masked_glass: From leaving the source to being seen with it.
        wrong: Pictures seen with another picture's mask (in live mode that is how it works).
        mask_message: From the picture's arrival at the service to its mask's arrival at a program.
        viewer: The viewer's own counters over the time (docs/viewer.md).
        looks: How often the page was looked at, and in `unreadable` of them no number was read.
    """

    kind: GlassKind
    mode: Mode
    pictures: int
    missing: int
    glass: Percentiles | None
    masked: int
    masked_glass: Percentiles | None
    wrong: int
    mask_message: Percentiles | None
    viewer: dict[str, int]
    looks: int
    unreadable: int


@dataclass(frozen=True)
class GlassResult:
    """Everything; `clock_error_ms` bounds the difference of the two clocks."""

    settings: GlassSettings
    modes: tuple[ModeResult, ...]
    clock_error_ms: float
    delays_ms: dict[str, list[float]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; single delays are left to the plots."""
        found = asdict(self)
        del found["delays_ms"]
        return found


def measure_glass(
    settings: GlassSettings, folder: Path, progress: Callable[[str], None]
) -> GlassResult:
    """Run it.

    Args:
        settings: What is measured.
        folder: For the video and the service's log.
        progress: Told what happens.

    Raises:
        BenchError: Chromium or the built viewer is missing, or a part does not start.
    """
    require_chromium()
    if not is_viewer_built(WebSettings().directory):
        raise BenchError("the viewer is not built: run `make web` first")
    file = render_coded_video(folder, settings.shape, progress)
    modes: list[ModeResult] = []
    delays_ms: dict[str, list[float]] = {}
    errors_ns = [0]
    for kind in settings.kinds:
        with (
            _open_room(settings, kind, file, folder) as room,
            open_page(*_window(settings)) as page,
        ):
            _open_viewer(page, room.service)
            for mode in MEANINGS:
                progress(f"{kind}, {MEANINGS[mode]}")
                _enter(page, room.service, mode, settings.settle_s)
                offset_ns, error_ns = clock_offset_ns(page)
                errors_ns.append(error_ns)
                result, delays = _measure_mode(settings, kind, mode, room, page, offset_ns)
                modes.append(result)
                delays_ms[f"{kind}, {mode}"] = delays
    return GlassResult(settings, tuple(modes), round(max(errors_ns) / 1e6, 2), delays_ms)


@dataclass
class _Room:
    """A service with one session, and what tells when its pictures left the source."""

    service: Service
    session: str
    publisher: Publisher | None
    video: CodedVideo
    epoch_ns: int = 0

    def published(self, begin_ns: int, end_ns: int) -> list[Arrival]:
        """Which picture left the source when, within a time."""
        if self.publisher is not None:
            times = [(int(number), int(at_ns)) for number, at_ns in self.publisher.ask("times")]
            return [arrival for arrival in times if begin_ns <= arrival[1] < end_ns]
        interval_ns = 1e9 / self.video.fps
        first = int((begin_ns - self.epoch_ns) / interval_ns) + 1
        last = int((end_ns - self.epoch_ns) / interval_ns)
        count = len(self.video.pictures)
        return [(i % count, self.epoch_ns + round(i * interval_ns)) for i in range(first, last)]

    def learn_epoch(self, masks: list[MaskArrival]) -> None:
        """Find out when a file's picture 0 was due, from the masks' own times."""
        if self.publisher is None and masks:
            starts = [mask.captured_ns - mask.pts * 1_000_000_000 // 90_000 for mask in masks]
            self.epoch_ns = int(np.median(starts))


@contextlib.contextmanager
def _open_room(
    settings: GlassSettings, kind: GlassKind, file: Path, folder: Path
) -> Iterator[_Room]:
    step_time = StepTime(folder / "step_ms", settings.step_ms)
    size = (settings.shape.width, settings.shape.height)
    environment = marker_environment(size, BLOCK_PX, step_time)
    if settings.weights is not None:
        environment = {"SALI_REGION": "full", "SALI_WORKER__WEIGHTS": settings.weights}
    # Once the worker is killed, it stays away.
    environment["SALI_WORKER__RESTART_DELAY_MS"] = _NEVER_MS
    environment["SALI_WORKER__RESTART_DELAY_MAX_MS"] = _NEVER_MS
    with contextlib.ExitStack() as stack:
        publisher = None if kind == "file" else stack.enter_context(Publisher(kind, file))
        sources = {"file": [str(file)], "whip": ["whip"]}.get(kind) or (
            publisher.urls if publisher else []
        )
        service = stack.enter_context(Service(sources, environment, folder, loop=kind == "file"))
        session: str = service.sessions()[0]["id"]
        if publisher is not None and kind == "whip":
            publisher.ask("publish", [f"{service.url}/v1/sessions/{session}/whip"])
        service.wait_for("ai_state", "active")
        yield _Room(service, session, publisher, CodedVideo.read(file))


def _window(settings: GlassSettings) -> tuple[int, int]:
    """A window in which the viewer has no reason to enlarge the picture."""
    return settings.shape.width + 40, settings.shape.height + 120


def _open_viewer(page: Page, service: Service) -> None:
    """Open the session's page, and wait until the AI is at work there."""
    session = service.sessions()[0]["id"]
    page.goto(f"{service.url}/#/session/{session}")
    _wait_for(page, "ai-state", "active")


def _enter(page: Page, service: Service, mode: Mode, settle_s: float) -> None:
    """Bring the viewer into a mode and let it settle."""
    if mode == "live":
        page.keyboard.press("m")
        _wait_for(page, "mode", "live")
    elif mode == "without":
        for pid in service.worker_pids():
            os.kill(pid, signal.SIGKILL)
        page.reload()
        _wait_for(page, "ai-state", "failed")
    page.wait_for_timeout(settle_s * 1e3)


def _wait_for(page: Page, name: str, value: str) -> None:
    """Wait until one of the viewer's figures (docs/viewer.md) has a value."""
    deadline = time.monotonic() + _PAGE_TIMEOUT_S
    while _figure(page, name) != value:
        if time.monotonic() > deadline:
            raise BenchError(f"the viewer's {name} is {_figure(page, name)!r}, not {value!r}")
        page.wait_for_timeout(50)


def _figure(page: Page, name: str) -> str:
    value = page.evaluate(f"document.documentElement.getAttribute('data-{name}')")
    return str(value or "")


def _figures(page: Page) -> dict[str, int]:
    """The viewer's own counters."""
    return {name: int(_figure(page, name) or 0) for name in _FIGURES}


def _measure_mode(
    settings: GlassSettings, kind: GlassKind, mode: Mode, room: _Room, page: Page, offset_ns: int
) -> tuple[ModeResult, list[float]]:
    shape = settings.shape
    masks = None if mode == "without" else MaskLog(room.service.url, room.session)
    before = _figures(page)
    page.evaluate(glass_page.START, glass_page.layout_of(shape.width, shape.height))
    begin_ns = time.monotonic_ns()
    page.wait_for_timeout((settings.seconds + _TAIL_S) * 1e3)
    end_ns = time.monotonic_ns() - round(_TAIL_S * 1e9)
    taken: dict[str, Any] = page.evaluate(glass_page.TAKE)
    after = _figures(page)
    if masks is not None:
        masks.close()
        room.learn_epoch(masks.masks)
    published = room.published(begin_ns, end_ns)
    if not published:
        raise BenchError(f"{kind}: the source sent no pictures")
    seen = [(row[0], offset_ns + round(row[1] * 1e6)) for row in taken["seen"]]
    masked = [(row[0], offset_ns + round(row[2] * 1e6)) for row in taken["seen"] if row[2]]
    delays = [pair.delay_ms for pair in pair_up(published, seen, shape.seconds)]
    shown = [delay for delay in delays if delay is not None]
    with_mask = [pair.delay_ms for pair in pair_up(published, masked, shape.seconds)]
    result = ModeResult(
        kind=kind,
        mode=mode,
        pictures=len(published),
        missing=len(delays) - len(shown),
        glass=Percentiles.of(shown),
        masked=sum(delay is not None for delay in with_mask),
        masked_glass=Percentiles.of([delay for delay in with_mask if delay is not None]),
        wrong=sum(row[3] for row in taken["seen"]),
        mask_message=Percentiles.of([mask.delay_ms for mask in masks.masks]) if masks else None,
        viewer={name: after[name] - before[name] for name in _FIGURES},
        looks=taken["looks"],
        unreadable=taken["unreadable"],
    )
    return result, shown
