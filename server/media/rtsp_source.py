"""A camera over RTSP (TCP), which may go away and come back at any time."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable

import av

from server.errors import ServiceError, SourceError, SourceStalledError
from server.media import container
from server.media.clock import Clock
from server.media.feed import SourceSink
from server.media.frame import CLOCK_RATE_HZ, SourcePacket, SourceState, StreamFormat
from server.media.picture_joiner import JoinedPicture, PictureJoiner
from server.media.timeline import Timeline, to_ticks

_OPEN_TIMEOUT_S = 5.0
_SILENCE_S = 2.0
_WATCH_INTERVAL_S = 0.25
_DELAY_S = (0.5, 10.0)
_STOP_TIMEOUT_S = 0.2


class _Connection:
    """One connection to the camera, read by its own thread until it breaks or is stopped."""

    def __init__(
        self,
        url: str,
        label: str,
        on_format: Callable[[StreamFormat], None],
        on_picture: Callable[[JoinedPicture], None],
        clock: Clock,
    ) -> None:
        self._url = url
        self._label = label
        self._on_format = on_format
        self._on_picture = on_picture
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._is_stopped = False
        self.ended: asyncio.Future[ServiceError] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="sali-rtsp", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Deliver nothing more; a thread that waits for the network ends at its time limit."""
        self._is_stopped = True

    def join(self, timeout_s: float) -> None:
        """Wait for the thread, but not for ever. Blocks."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            error = self._read()
        except ServiceError as exc:
            error = exc
        except (av.FFmpegError, OSError) as exc:
            error = container.read_error(exc, self._label)
        self._post(self._end, error)

    def _read(self) -> ServiceError:
        opened = container.open_rtsp(self._url, self._label, _OPEN_TIMEOUT_S)
        try:
            stream = container.video_stream(opened, self._label)
            told = container.stream_format(stream)
            self._post(self._on_format, told)
            extradata = bytes(stream.codec_context.extradata or b"")
            joiner = PictureJoiner(told.codec, extradata)
            for packet in opened.demux(stream):
                if self._is_stopped:
                    break
                ticks = None if packet.pts is None else to_ticks(packet.pts, packet.time_base)
                picture = joiner.add(bytes(packet), ticks, self._clock.monotonic_ns())
                if picture is not None:
                    self._post(self._on_picture, picture)
        finally:
            container.close(opened)
        return SourceError(f"{self._label} ended the stream")

    def _end(self, error: ServiceError) -> None:
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


class RtspSource:
    """Reads a camera and connects again, for ever, when it goes silent.

    Args:
        url: With credentials, if any; never shown.
        label: The same without.
        clock: Tells the age of the last packet.
        timeline: The session's clock.
    """

    can_make_keyframes = False

    def __init__(self, url: str, label: str, *, clock: Clock, timeline: Timeline) -> None:
        self._url = url
        self._label = label
        self._clock = clock
        self._timeline = timeline
        self._sink: SourceSink | None = None
        self._format: StreamFormat | None = None
        self._is_stretch_open = False
        self._has_played = False
        self._last_packet_ns = 0
        self._silent_from_ns = 0
        # Spreads the attempts of many sessions that lost the same camera; no secret.
        self._jitter = random.Random()  # noqa: S311

    def request_keyframe(self) -> None:
        """Do nothing: RTSP has no way to ask."""

    async def run(self, sink: SourceSink) -> None:
        """Deliver video until cancelled; every failure is reported and tried again."""
        self._sink = sink
        shortest, longest = _DELAY_S
        delay_s = shortest
        while True:
            error = await self._read_connection()
            if self._is_stretch_open:
                delay_s = shortest
            state = SourceState.RECONNECTING if self._has_played else SourceState.CONNECTING
            wait_s = delay_s * self._jitter.uniform(0.75, 1.25)
            sink.report(state, f"{error}; trying again in {wait_s:.1f} s")
            await self._clock.sleep_until_ns(self._clock.monotonic_ns() + int(wait_s * 1e9))
            delay_s = min(longest, delay_s * 2)

    async def _read_connection(self) -> ServiceError:
        """Read one connection until it ends or goes silent; why it did."""
        self._is_stretch_open = False
        self._silent_from_ns = self._clock.monotonic_ns() + int(_OPEN_TIMEOUT_S * 1e9)
        connection = _Connection(
            self._url, self._label, self._on_format, self._on_picture, self._clock
        )
        try:
            while (left_s := self._patience_s()) > 0:
                await asyncio.wait({connection.ended}, timeout=min(left_s, _WATCH_INTERVAL_S))
                if connection.ended.done():
                    return connection.ended.result()
            return SourceStalledError(f"{self._label} went silent")
        finally:
            connection.stop()
            await asyncio.to_thread(connection.join, _STOP_TIMEOUT_S)

    def _patience_s(self) -> float:
        """How long a packet may still be awaited."""
        deadline_ns = self._silent_from_ns + int(_SILENCE_S * 1e9)
        return (deadline_ns - self._clock.monotonic_ns()) / 1e9

    def _on_format(self, told: StreamFormat) -> None:
        self._format = told

    def _on_picture(self, picture: JoinedPicture) -> None:
        if self._sink is None or self._format is None:
            return
        now_ns = self._clock.monotonic_ns()
        if not self._is_stretch_open:
            self._begin_stretch(self._sink, self._format, now_ns)
        self._last_packet_ns = self._silent_from_ns = now_ns
        pts = self._timeline.map(picture.ticks)
        self._sink.packet(
            SourcePacket(picture.payload, pts, picture.is_keyframe, picture.arrived_ns)
        )

    def _begin_stretch(self, sink: SourceSink, told: StreamFormat, now_ns: int) -> None:
        """Put the new connection's video behind the old one's, as far as time has gone on."""
        self._is_stretch_open = True
        if self._has_played:
            lost_ns = now_ns - self._last_packet_ns
            self._timeline.begin_stretch(lost_ns * CLOCK_RATE_HZ // 1_000_000_000)
        sink.begin(told, "the camera was connected again" if self._has_played else None)
        self._has_played = True
