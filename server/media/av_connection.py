"""A camera or a capture device read by FFmpeg, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from server.errors import ServiceError, SourceError
from server.media import container, h264
from server.media.clock import Clock
from server.media.feed import ConnectionSink
from server.media.frame import CLOCK_RATE_HZ, CodedPicture, StreamFormat
from server.media.picture_joiner import PictureJoiner, can_start_at
from server.media.timeline import to_ticks

_STOP_TIMEOUT_S = 0.2
_POLL_S = 0.001
_SLEPT_SHARE = 0.8
_LONGEST_SLEEP_S = 0.05


@dataclass(frozen=True, slots=True)
class Opener:
    """How a source is opened and read.

    Attributes:
        open: Opens it; blocks, and raises a `SourceError` that says why it cannot.
        label: Name in messages, without credentials.
        has_whole_pictures: Each packet is a picture, as from a device; else those with the same
            time are joined, which takes until the next one begins.
    """

    open: Callable[[], InputContainer]
    label: str
    has_whole_pictures: bool


class AvConnection:
    """One connection, read until it breaks or is cancelled."""

    def __init__(self, opener: Opener, clock: Clock) -> None:
        self._opener = opener
        self._clock = clock

    async def run(self, sink: ConnectionSink) -> None:
        """Deliver pictures until the peer ends the stream.

        Raises:
            ServiceError: It could not be opened, or broke.
        """
        reader = _Reader(self._opener, self._clock, sink)
        reader.start()
        try:
            error = await reader.ended
        finally:
            reader.stop()
            await asyncio.to_thread(reader.join, _STOP_TIMEOUT_S)
        if error is not None:
            raise error


class _Reader:
    """The thread and how it comes back to the event loop."""

    def __init__(self, opener: Opener, clock: Clock, sink: ConnectionSink) -> None:
        self._opener = opener
        self._clock = clock
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._is_stopped = False
        self.ended: asyncio.Future[ServiceError | None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="sali-source", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Deliver nothing more; a thread that waits for the network ends at its time limit."""
        self._is_stopped = True

    def join(self, timeout_s: float) -> None:
        """Wait for the thread, but not for ever. Blocks."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        error: ServiceError | None = None
        try:
            self._read()
        except ServiceError as exc:
            error = exc
        except (av.FFmpegError, OSError) as exc:
            error = container.read_error(exc, self._opener.label)
        except Exception as exc:  # noqa: BLE001
            # Whatever ends this thread has to be told, or the connection would never end.
            error = SourceError(f"{self._opener.label}: reading failed ({type(exc).__name__})")
        self._post(self._end, error)

    def _read(self) -> None:
        opened = self._opener.open()
        try:
            stream = container.video_stream(opened, self._opener.label)
            told = container.stream_format(stream)
            self._post(self._sink.begin, told)
            extradata = bytes(stream.codec_context.extradata or b"")
            pictures = (
                _WholePictures(told)
                if self._opener.has_whole_pictures
                else PictureJoiner(told.codec, extradata)
            )
            for packet in self._packets(opened, stream):
                ticks = None if packet.pts is None else to_ticks(packet.pts, packet.time_base)
                picture = pictures.add(bytes(packet), ticks, self._clock.monotonic_ns())
                if picture is not None:
                    self._post(self._sink.picture, picture)
        finally:
            container.close(opened)

    def _packets(
        self, opened: InputContainer, stream: VideoStream
    ) -> Iterator[av.Packet[VideoStream]]:
        """Yield packets as they come, until the end or until nobody wants them any more."""
        pause = _Pause()
        while not self._is_stopped:
            try:
                for packet in opened.demux(stream):
                    pause.note_packet()
                    yield packet
                    if self._is_stopped:
                        return
            except BlockingIOError:
                # A device that has no picture yet: it does not wait, so that we can leave it.
                pause.wait()
            else:
                return

    def _end(self, error: ServiceError | None) -> None:
        if not self.ended.done():
            self.ended.set_result(error)

    def _post(self, callback: Callable[..., None], *arguments: object) -> None:
        """Call back on the event loop, unless nobody listens any more."""
        try:
            self._loop.call_soon_threadsafe(self._deliver, callback, *arguments)
        except RuntimeError:
            # The loop was closed while this thread was still reading.
            self._is_stopped = True

    def _deliver(self, callback: Callable[..., None], *arguments: object) -> None:
        if not self._is_stopped:
            callback(*arguments)


class _Pause:
    """Waits for a device's next picture without asking all the time.

    Most of the distance between the last two pictures is slept through; a question costs about
    30 microseconds of a core.
    """

    def __init__(self) -> None:
        self._last_s = time.monotonic()
        self._interval_s = 0.0

    def note_packet(self) -> None:
        """A picture came."""
        now_s = time.monotonic()
        self._interval_s, self._last_s = now_s - self._last_s, now_s

    def wait(self) -> None:
        """Wait a little. Blocks, for 50 ms at most."""
        early_s = self._last_s + _SLEPT_SHARE * self._interval_s - time.monotonic()
        time.sleep(min(max(_POLL_S, early_s), _LONGEST_SLEEP_S))


class _WholePictures:
    """Packets of a device: each is a picture; one without a time is taken as of now."""

    def __init__(self, stream: StreamFormat) -> None:
        self._codec = stream.codec
        self._keeper = h264.ParameterSetKeeper()

    def add(self, payload: bytes, ticks: int | None, arrived_ns: int) -> CodedPicture | None:
        """Return the packet as a picture; None for an empty one, as at the end."""
        if not payload:
            return None
        is_keyframe = can_start_at(self._codec, payload)
        if self._codec == "h264" and h264.has_idr(payload):
            payload = self._keeper.complete(payload)
        if ticks is None:
            ticks = arrived_ns * CLOCK_RATE_HZ // 1_000_000_000
        return CodedPicture(payload, ticks, is_keyframe, arrived_ns)
