"""The built-in demo: a rendered scene, made once, then played as a looped file."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from server.errors import ServiceError, SourceError
from server.media.clock import Clock
from server.media.feed import SourceSink
from server.media.file_source import FileSource
from server.media.frame import SourceState
from server.media.timeline import Timeline

_RENDERER = "server.phantom_video"
_PROGRESS = re.compile(rb"frame (\d+)/(\d+)")
_POLL_NS = 500_000_000
_MAX_LINE = 300


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """What the demo shows, and where rendered scenes are kept.

    Attributes:
        seconds: Length of the scene before it repeats.
        seed: Which scene.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        fps: Frames per second.
        has_frame_code: Draw each frame's number into the picture, for tests.
        cache_dir: Where rendered scenes are kept; None means the user's cache directory.
    """

    seconds: float = 60.0
    seed: int = 7
    width: int = 640
    height: int = 480
    fps: float = 25.0
    has_frame_code: bool = False
    cache_dir: Path | None = None

    @property
    def path(self) -> Path:
        """The file of this scene; its name changes with every parameter and with the renderer."""
        parameters = {k: v for k, v in asdict(self).items() if k != "cache_dir"}
        key = f"{sorted(parameters.items())} {_renderer_version()}"
        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        return (self.cache_dir or default_cache_dir()) / f"demo-{name}.mp4"


def default_cache_dir() -> Path:
    """The user's cache directory for this service (XDG base directory specification)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "sali-live"


class DemoSource:
    """Renders the scene in a process of its own, unless it was rendered before, and plays it.

    Args:
        settings: Which scene.
        clock: Paces the packets.
        timeline: The session's clock.
        renderer: The module that is run to render the scene.
    """

    can_make_keyframes = False

    def __init__(
        self,
        settings: DemoSettings,
        *,
        clock: Clock,
        timeline: Timeline,
        renderer: str = _RENDERER,
    ) -> None:
        self._settings = settings
        self._renderer = renderer
        self._clock = clock
        self._timeline = timeline

    def request_keyframe(self) -> None:
        """Do nothing: the scene has a keyframe every second."""

    def give_up(self, error: ServiceError) -> bool:
        """Return False: the scene stays what it is."""
        return False

    async def run(self, sink: SourceSink) -> None:
        """Render if need be, then play for ever.

        Raises:
            SourceError: The scene could not be rendered or stored.
        """
        path = await asyncio.to_thread(lambda: self._settings.path)
        if not await asyncio.to_thread(path.exists):
            await self._provide(path, sink)
        source = FileSource(str(path), loop=True, clock=self._clock, timeline=self._timeline)
        await source.run(sink)

    async def _provide(self, path: Path, sink: SourceSink) -> None:
        """Render the scene, or wait for whoever renders it already."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = path.with_suffix(".lock").open("wb")
        except OSError as exc:
            raise SourceError(
                f"the demo scene cannot be stored in {path.parent} ({exc.strerror})"
            ) from exc
        with lock:
            while not _try_lock(lock):
                sink.report(SourceState.CONNECTING, "the demo scene is being rendered")
                await self._clock.sleep_until_ns(self._clock.monotonic_ns() + _POLL_NS)
            if not await asyncio.to_thread(path.exists):
                await self._render(path, sink)

    async def _render(self, path: Path, sink: SourceSink) -> None:
        sink.report(SourceState.CONNECTING, "rendering the demo scene")
        process = await asyncio.create_subprocess_exec(
            *self._command(path),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            last_line = await _follow(process, sink)
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if code != 0 or not await asyncio.to_thread(path.exists):
            raise SourceError(f"the demo scene could not be rendered: {last_line or code}")

    def _command(self, path: Path) -> list[str]:
        settings = self._settings
        command = [sys.executable, "-m", self._renderer, "--out", str(path)]
        for name in ("seconds", "seed", "width", "height", "fps"):
            command += [f"--{name}", f"{getattr(settings, name):g}"]
        return [*command, "--frame-code"] if settings.has_frame_code else command


async def _follow(process: asyncio.subprocess.Process, sink: SourceSink) -> str:
    """Turn the renderer's progress into reasons; returns its last other line."""
    last_line = ""
    percent = -1
    lines = process.stderr
    while lines is not None and (line := await lines.readline()):
        progress = _PROGRESS.search(line)
        if progress is None:
            last_line = line.decode("utf-8", "replace").strip()[:_MAX_LINE] or last_line
            continue
        now = 100 * int(progress[1]) // max(1, int(progress[2]))
        if now != percent:
            percent = now
            sink.report(SourceState.CONNECTING, f"rendering the demo scene {percent} %")
    return last_line


def _try_lock(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _renderer_version() -> str:
    """Version of the package and digest of the renderer's sources, without importing them."""
    try:
        version = importlib.metadata.version("sali-live")
    except importlib.metadata.PackageNotFoundError:
        version = "0"
    digest = hashlib.sha256()
    for path in _renderer_sources():
        digest.update(path.read_bytes())
    return f"{version} {digest.hexdigest()}"


def _renderer_sources() -> list[Path]:
    core = importlib.util.find_spec("sali_core")
    roots = [Path(p) / "data" / "phantom" for p in (core and core.submodule_search_locations) or []]
    own = Path(__file__).parent.parent / "phantom_video.py"
    return sorted(path for root in roots for path in root.glob("*.py")) + (
        [own] if own.exists() else []
    )
