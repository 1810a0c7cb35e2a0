"""One connection to a camera: by our own client where that serves, else by FFmpeg."""

from __future__ import annotations

import asyncio
from typing import Literal

import structlog

from server.errors import SourceError, SourceUnreachableError
from server.media import container, h264
from server.media.av_connection import AvConnection, Opener
from server.media.clock import Clock
from server.media.feed import ConnectionSink
from server.media.frame import CLOCK_RATE_HZ, CodedPicture, StreamFormat
from server.media.picture_joiner import can_start_at
from server.media.rtsp.address import RtspAddress, parse_address
from server.media.rtsp.depacketizer import AccessUnit, H264Depacketizer, parse_rtp
from server.media.rtsp.description import VideoDescription
from server.media.rtsp.dialogue import Described, RtspDialogue, UnsuitableError, open_dialogue
from server.media.rtsp.redirect import follow_redirects
from server.media.timeline import TimestampUnwrapper

RtspTransport = Literal["auto", "tcp", "udp"]

_MAX_KEEP_ALIVE_S = 30
_BYE = 203
_PUT_AWAY_S = 1.0

_log = structlog.get_logger(__name__)


class RtspConnection:
    """Reads H.264 over TCP itself; leaves UDP, other codecs and odd servers to FFmpeg.

    Serves one attempt after the other. What one of them has left to FFmpeg the next one leaves to
    it at once: a server that still puts away what it described to us refuses FFmpeg (5xx).

    Args:
        url: With the login, if any.
        transport: "auto" is TCP, or UDP where the server does not send over TCP.
        open_timeout_s: Longest wait of FFmpeg for the description.
        clock: Stamps the pictures and paces the keep-alives.
    """

    def __init__(
        self, url: str, *, transport: RtspTransport, open_timeout_s: float, clock: Clock
    ) -> None:
        self._address = self._place = parse_address(url)
        self._transport = transport
        self._open_timeout_s = open_timeout_s
        self._clock = clock
        self._unsuitable: UnsuitableError | None = None

    async def run(self, sink: ConnectionSink) -> None:
        """Deliver pictures until the server ends the stream.

        Raises:
            ServiceError: It could not be opened, or broke.
        """
        unsuitable, self._unsuitable = self._unsuitable, None
        if unsuitable is None:
            try:
                await follow_redirects(self._address, lambda place: self._read(place, sink))
                return
            except UnsuitableError as exc:
                unsuitable = self._unsuitable = exc
        place = self._place
        _log.info("rtsp_left_to_ffmpeg", source=place.label, reason=str(unsuitable))
        can_switch = self._transport == "auto" and unsuitable.is_about_transport
        transport = "udp" if can_switch else self._transport
        opener = Opener(
            open=lambda: container.open_rtsp(
                place.full_url, self._open_timeout_s, transport=transport
            ),
            label=place.label,
            has_whole_pictures=False,
        )
        await AvConnection(opener, self._clock).run(sink)

    async def _read(self, place: RtspAddress, sink: ConnectionSink) -> None:
        """Read from where the server sent us, by our own client."""
        self._place = place
        _require_own_client(place, self._transport)
        await _OwnConnection(place, self._clock).run(sink)


async def check_rtsp(url: str, transport: RtspTransport, timeout_s: float) -> None:
    """Find out whether a camera has video that can be decoded.

    Raises:
        SourceError: It has not, refuses, or does not answer.
    """
    place = parse_address(url)

    async def look(address: RtspAddress) -> None:
        nonlocal place
        place = address
        _require_own_client(address, transport)
        dialogue = await open_dialogue(address, lambda channel, packet: None)
        try:
            _require_h264((await dialogue.describe()).video)
        finally:
            dialogue.close()

    try:
        async with asyncio.timeout(timeout_s):
            await follow_redirects(place, look)
    except TimeoutError as exc:
        raise SourceUnreachableError(
            f"{place.label} does not answer within {timeout_s:g} s"
        ) from exc
    except UnsuitableError:
        try:
            await asyncio.to_thread(_check_by_ffmpeg, place, transport, timeout_s)
        except SourceUnreachableError:
            # It answered us a moment ago: some servers first put away what they described then.
            await asyncio.sleep(_PUT_AWAY_S)
            await asyncio.to_thread(_check_by_ffmpeg, place, transport, timeout_s)


def _check_by_ffmpeg(place: RtspAddress, transport: RtspTransport, timeout_s: float) -> None:
    opened = container.open_rtsp(place.full_url, timeout_s, transport=transport)
    try:
        container.video_stream(opened, place.label)
    finally:
        container.close(opened)


def _require_own_client(address: RtspAddress, transport: RtspTransport) -> None:
    if address.is_tls:
        raise UnsuitableError("the connection is encrypted")
    if transport == "udp":
        raise UnsuitableError("UDP was asked for")


def _require_h264(video: VideoDescription) -> None:
    if video.encoding != "H264":
        raise UnsuitableError(f"its video is {video.encoding or 'of an unnamed kind'}, not H264")
    if video.packetization_mode == 2:
        raise UnsuitableError("its pictures are interleaved (packetization-mode 2)")


class _OwnConnection:
    """H.264 over TCP, each picture as soon as its last packet is here."""

    def __init__(self, address: RtspAddress, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._sink: ConnectionSink | None = None
        self._channels: tuple[int, int] = (0, 1)
        self._video: VideoDescription | None = None
        self._depacketizer = H264Depacketizer()
        self._unwrapper = TimestampUnwrapper()
        self._keeper = h264.ParameterSetKeeper()
        self._lost = 0
        self._has_ended = False

    async def run(self, sink: ConnectionSink) -> None:
        dialogue = await open_dialogue(self._address, self._take)
        try:
            described = await dialogue.describe()
            _require_h264(described.video)
            await self._play(dialogue, described, sink)
        finally:
            dialogue.close()

    async def _play(
        self, dialogue: RtspDialogue, described: Described, sink: ConnectionSink
    ) -> None:
        self._video = described.video
        self._keeper = h264.ParameterSetKeeper(described.video.parameter_sets)
        sink.begin(StreamFormat("h264", fps=described.video.fps))
        self._sink = sink
        self._channels = await dialogue.play(described)
        keeping = asyncio.create_task(self._keep_alive(dialogue), name="sali-rtsp-keep-alive")
        try:
            await dialogue.read_media()
        except SourceError:
            # After a goodbye the end of the connection is no surprise.
            if not self._has_ended:
                raise
        finally:
            keeping.cancel()

    async def _keep_alive(self, dialogue: RtspDialogue) -> None:
        interval_s = max(1, min(_MAX_KEEP_ALIVE_S, dialogue.timeout_s // 2))
        while True:
            await self._clock.sleep_until_ns(
                self._clock.monotonic_ns() + interval_s * 1_000_000_000
            )
            dialogue.send_keep_alive()

    def _take(self, channel: int, payload: bytes) -> None:
        """Take a packet of either channel; before PLAY is answered the usual ones are assumed."""
        if channel == self._channels[1]:
            self._has_ended = self._has_ended or _says_goodbye(payload)
            return
        sink, video = self._sink, self._video
        packet = parse_rtp(payload) if channel == self._channels[0] else None
        if packet is None or sink is None or video is None:
            return
        if packet.payload_type != video.payload_type:
            return
        trusted = self._depacketizer.trusts_marker
        unit = self._depacketizer.add(packet)
        if trusted and not self._depacketizer.trusts_marker:
            _log.info("rtsp_marker_unusable", source=self._address.label)
        if self._depacketizer.lost > self._lost:
            sink.lost(self._depacketizer.lost - self._lost)
            self._lost = self._depacketizer.lost
        if unit is not None:
            sink.picture(self._picture(unit, video))

    def _picture(self, unit: AccessUnit, video: VideoDescription) -> CodedPicture:
        ticks = self._unwrapper.unwrap(unit.timestamp) * CLOCK_RATE_HZ // video.clock_rate_hz
        payload = unit.payload
        is_keyframe = can_start_at("h264", payload)
        if is_keyframe and h264.has_idr(payload):
            payload = self._keeper.complete(payload)
        return CodedPicture(payload, ticks, is_keyframe, self._clock.monotonic_ns())


def _says_goodbye(rtcp: bytes) -> bool:
    """Whether a compound RTCP packet holds a BYE (RFC 3550 section 6.6)."""
    position = 0
    while position + 4 <= len(rtcp):
        if rtcp[position + 1] == _BYE:
            return True
        position += 4 + 4 * int.from_bytes(rtcp[position + 2 : position + 4], "big")
    return False
