"""A video file as a live source: each packet at its time, once or in a loop."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext
from av.video.stream import VideoStream

from server.errors import ServiceError, SourceError
from server.media import container, h264
from server.media.clock import Clock
from server.media.feed import SourceSink
from server.media.frame import CLOCK_RATE_HZ, SourcePacket, SourceState
from server.media.timeline import Timeline, to_ticks

_BATCH = 8
_MAX_LATE_NS = 500_000_000
_BROWSER_FORMATS = (None, "yuv420p", "yuvj420p")


@dataclass(frozen=True, slots=True)
class _FilePacket:
    """A packet with the file's own times, in 90 kHz ticks."""

    payload: bytes
    pts: int
    dts: int
    is_keyframe: bool


class FileReader:
    """Reads the video packets of a file in order; H.264 comes out as Annex B. Blocks.

    A session that ends closes it in one thread while another may still read: FFmpeg would read
    memory that is gone, so closing waits for the read.

    Raises (from the constructor):
        SourceError: As `container.open_file` and `container.video_stream`.
    """

    def __init__(self, path: str) -> None:
        self._label = Path(path).name
        self._lock = threading.Lock()
        self._is_closed = False
        self._container = container.open_file(path)
        try:
            self._stream = container.video_stream(self._container, self._label)
            self.format = container.stream_format(
                self._stream, needs_encoding=_needs_encoding(self._stream)
            )
            self._packets = self._read_packets()
        except SourceError:
            container.close(self._container)
            raise

    def read(self, count: int) -> list[_FilePacket]:
        """Return up to `count` packets; none at the end of the file, or once it is closed.

        Raises:
            SourceError: The file cannot be read further.
        """
        with self._lock:
            if self._is_closed:
                return []
            try:
                return list(itertools.islice(self._packets, count))
            except (av.FFmpegError, OSError) as exc:
                raise container.read_error(exc, self._label) from exc

    def close(self) -> None:
        """Close the file, after a read that is going on. Closing twice is harmless."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                container.close(self._container)

    def _read_packets(self) -> Iterator[_FilePacket]:
        stream = self._stream
        is_h264 = self.format.codec == "h264"
        extradata = bytes(stream.codec_context.extradata or b"")
        to_annex_b = (
            BitStreamFilterContext("h264_mp4toannexb", stream)
            if is_h264 and extradata[:1] == b"\x01"
            else None
        )
        keeper = h264.ParameterSetKeeper(extradata if to_annex_b is None else b"")
        frame_ticks = CLOCK_RATE_HZ / (self.format.fps or 25.0)
        for index, packet in enumerate(self._container.demux(stream)):
            if packet.size == 0:
                continue
            shown, decoded = packet.pts, packet.dts
            if decoded is None:
                decoded = shown
            if shown is None:
                shown = decoded
            if shown is None or decoded is None:
                pts = dts = round(index * frame_ticks)
            else:
                pts, dts = (to_ticks(t, packet.time_base) for t in (shown, decoded))
            is_keyframe = packet.is_keyframe
            filtered = [packet] if to_annex_b is None else to_annex_b.filter(packet)
            payload = b"".join(bytes(part) for part in filtered)
            if is_h264 and is_keyframe and h264.has_idr(payload):
                payload = keeper.complete(payload)
            yield _FilePacket(payload, pts, dts, is_keyframe)


class FileSource:
    """Plays a file in real time, by an injected clock.

    Args:
        path: The file.
        loop: Start again at its end; pts go on growing.
        clock: Paces the packets.
        timeline: The session's clock, shared with the session's earlier sources.
    """

    can_make_keyframes = False

    def __init__(self, path: str, *, loop: bool, clock: Clock, timeline: Timeline) -> None:
        self._path = path
        self._loop = loop
        self._clock = clock
        self._timeline = timeline
        self._anchor: tuple[int, int] | None = None

    def request_keyframe(self) -> None:
        """Do nothing: a file has its keyframes where it has them."""

    def give_up(self, error: ServiceError) -> bool:
        """Return False: the file stays what it is."""
        return False

    async def run(self, sink: SourceSink) -> None:
        """Play until the end, or until cancelled if looped.

        Raises:
            SourceError: The file cannot be opened or read, or holds no frames.
        """
        reason: str | None = None
        while True:
            reader = await asyncio.to_thread(FileReader, self._path)
            try:
                frames = await self._play(reader, sink, reason)
            finally:
                await asyncio.to_thread(reader.close)
            if frames == 0:
                raise SourceError(f"{Path(self._path).name} holds no video frames")
            if not self._loop:
                sink.report(SourceState.ENDED, "the video has ended")
                return
            self._timeline.begin_stretch(round(CLOCK_RATE_HZ / (reader.format.fps or 25.0)))
            reason = "the video starts again"

    async def _play(self, reader: FileReader, sink: SourceSink, reason: str | None) -> int:
        """Deliver one round of the file; how many packets there were."""
        frames = 0
        sink.begin(reader.format, reason, is_same_picture=True)
        while batch := await asyncio.to_thread(reader.read, _BATCH):
            for packet in batch:
                pts = self._timeline.map(packet.pts, decode_ticks=packet.dts)
                early = packet.pts - packet.dts
                await self._wait_for(pts - early)
                # Pictures that are decoded before they are due count from when they are due.
                captured_at_ns = self._clock.monotonic_ns() + early * 1_000_000_000 // CLOCK_RATE_HZ
                sink.packet(SourcePacket(packet.payload, pts, packet.is_keyframe, captured_at_ns))
                frames += 1
        return frames

    async def _wait_for(self, ticks: int) -> None:
        """Sleep until session time `ticks`; after a long stall go on from now, without a burst."""
        now_ns = self._clock.monotonic_ns()
        if self._anchor is None:
            self._anchor = (now_ns, ticks)
        start_ns, start_ticks = self._anchor
        due_ns = start_ns + (ticks - start_ticks) * 1_000_000_000 // CLOCK_RATE_HZ
        if now_ns - due_ns > _MAX_LATE_NS:
            self._anchor = (now_ns, ticks)
            due_ns = now_ns
        await self._clock.sleep_until_ns(due_ns)


def _needs_encoding(stream: VideoStream) -> bool:
    """Whether the headers already show that browsers cannot play the packets."""
    context = stream.codec_context
    return bool(context.has_b_frames) or context.pix_fmt not in _BROWSER_FORMATS
