"""A camera over RTSP (TCP), which may go away and come back at any time."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable

import av
from av.container import InputContainer

from server.errors import ServiceError, SourceError, SourceStalledError
from server.media import container, h264
from server.media.clock import Clock
from server.media.feed import SourceSink
from server.media.frame import CLOCK_RATE_HZ, SourcePacket, SourceState, StreamFormat
from server.media.timeline import Timeline, to_ticks

_OPEN_TIMEOUT_S = 5.0
_SILENCE_S = 2.0
_DELAY_S = (0.5, 10.0)
_STOP_TIMEOUT_S = 1.0


class _Connection:
    """One connection to the camera, read by its own thread until it breaks or is stopped."""

    def __init__(
        self,
        url: str,
        label: str,
        on_format: Callable[[StreamFormat], None],
        on_packet: Callable[[bytes, int | None, bool], None],
    ) -> None:
        self._url = url
        self._label = label
        self._on_format = on_format
        self._on_packet = on_packet
        self._loop = asyncio.get_running_loop()
        self._is_stopped = False
        self._container: InputContainer | None = None
        self.ended: asyncio.Future[ServiceError] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="sali-rtsp", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Deliver nothing more and let the thread end, within its time limits if it is stuck."""
        self._is_stopped = True
        opened = self._container
        if opened is not None:
            opened.set_timeout(0.0)  # type: ignore[attr-defined]  # missing in PyAV's stubs

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
            self._container = opened
            stream = container.video_stream(opened, self._label)
            told = container.stream_format(stream)
            self._post(self._on_format, told)
            is_h264 = told.codec == "h264"
            keeper = h264.ParameterSetKeeper(bytes(stream.codec_context.extradata or b""))
            for packet in opened.demux(stream):
                if self._is_stopped:
                    break
                if packet.size == 0:
                    continue
                payload = bytes(packet)
                is_keyframe = packet.is_keyframe
                if is_h264 and h264.has_idr(payload):
                    payload = keeper.complete(payload)
                    is_keyframe = True
                timestamp = packet.pts if packet.pts is not None else packet.dts
                ticks = None if timestamp is None else to_ticks(timestamp, packet.time_base)
                self._post(self._on_packet, payload, ticks, is_keyframe)
        finally:
            self._container = None
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
        connection = _Connection(self._url, self._label, self._on_format, self._on_packet)
        try:
            while (left_s := self._patience_s()) > 0:
                await asyncio.wait({connection.ended}, timeout=left_s)
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

    def _on_packet(self, payload: bytes, ticks: int | None, is_keyframe: bool) -> None:
        if self._sink is None or self._format is None:
            return
        now_ns = self._clock.monotonic_ns()
        if not self._is_stretch_open:
            self._begin_stretch(self._sink, self._format, now_ns)
        self._last_packet_ns = self._silent_from_ns = now_ns
        # The first packet's time can be missing; the others then count from it.
        pts = self._timeline.map(0 if ticks is None else ticks)
        self._sink.packet(SourcePacket(payload, pts, is_keyframe, now_ns))

    def _begin_stretch(self, sink: SourceSink, told: StreamFormat, now_ns: int) -> None:
        """Put the new connection's video behind the old one's, as far as time has gone on."""
        self._is_stretch_open = True
        if self._has_played:
            lost_ns = now_ns - self._last_packet_ns
            self._timeline.begin_stretch(lost_ns * CLOCK_RATE_HZ // 1_000_000_000)
        sink.begin(told, "the camera was connected again" if self._has_played else None)
        self._has_played = True
