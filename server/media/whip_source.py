"""A publisher over WebRTC: its coded frames, taken before anything decodes them (WHIP)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable

from aiortc import RTCPeerConnection

from server.errors import (
    InvalidOfferError,
    PublisherBusyError,
    ResourceNotFoundError,
    ServiceError,
)
from server.media import h264, negotiation, trickle
from server.media.aiortc_internals import ReceiverTap
from server.media.clock import Clock
from server.media.feed import SourceSink
from server.media.frame import CLOCK_RATE_HZ, SourcePacket, SourceState, StreamFormat
from server.media.frame_assembler import RtpFrame
from server.media.timeline import Timeline, TimestampUnwrapper
from server.media.trickle import TrickleFragment

_SILENCE_NS = 2_000_000_000
_GONE_NS = 10_000_000_000
_CONNECT_NS = 15_000_000_000
_WATCH_INTERVAL_NS = 250_000_000
_KEYFRAME_INTERVAL_NS = 300_000_000
_START_KBPS = 4000
_MIN_KBPS = 1500
_WAITING = "waiting for a publisher"
_CODECS = {"H264": "h264", "VP8": "vp8"}


class _Publisher:
    """One publisher's connection and what belongs to its RTP stream."""

    def __init__(self, now_ns: int, ufrag: str) -> None:
        self.ufrag = ufrag
        self.id = f"p{secrets.token_hex(8)}"
        self.peer: RTCPeerConnection = negotiation.create_peer()
        self.tap: ReceiverTap | None = None
        self.unwrapper = TimestampUnwrapper()
        self.parameter_sets = h264.ParameterSetKeeper()
        self.codec: str | None = None
        self.needs_keyframe = True
        self.created_ns = now_ns
        self.last_frame_ns: int | None = None


class WhipSource:
    """Takes one publisher at a time; belongs to the session's event loop.

    Args:
        clock: Tells the age of the last frame.
        timeline: The session's clock.
    """

    can_make_keyframes = True

    def __init__(self, *, clock: Clock, timeline: Timeline) -> None:
        self._clock = clock
        self._timeline = timeline
        self._sink: SourceSink | None = None
        self._publisher: _Publisher | None = None
        self._has_played = False
        self._is_silent = True
        self._last_frame_ns = 0
        self._requested_ns: int | None = None
        self._tasks: set[asyncio.Future[None]] = set()

    async def run(self, sink: SourceSink) -> None:
        """Watch over the publishers that come and go, until cancelled."""
        self._sink = sink
        sink.report(SourceState.CONNECTING, _WAITING)
        try:
            while True:
                await self._clock.sleep_until_ns(self._clock.monotonic_ns() + _WATCH_INTERVAL_NS)
                self._watch()
        finally:
            self._sink = None
            if self._publisher is not None:
                self._let_go(self._publisher)

    async def accept(self, offer_sdp: str) -> tuple[str, str]:
        """Answer a publisher's offer.

        Returns:
            The publisher's id and the SDP answer.

        Raises:
            PublisherBusyError: Somebody publishes already.
            InvalidOfferError: The offer cannot be used, or sends no video.
            UnsupportedCodecError: It offers neither H.264 nor VP8.
        """
        if self._publisher is not None:
            if not self._may_replace(self._publisher):
                raise PublisherBusyError("somebody publishes to this session already")
            self._let_go(self._publisher)
        publisher = self._publisher = _Publisher(
            self._clock.monotonic_ns(), trickle.ufrag_of(offer_sdp)
        )
        transceiver = publisher.peer.addTransceiver("video", "recvonly")
        transceiver.setCodecPreferences(negotiation.video_codecs("H264", "VP8"))

        def before_start() -> None:
            publisher.tap = ReceiverTap(
                transceiver.receiver, lambda codec, frame: self._take(publisher, codec, frame)
            )

        try:
            answer = await negotiation.answer_offer(
                publisher.peer, offer_sdp, before_start=before_start
            )
            if transceiver.currentDirection != "recvonly":
                raise InvalidOfferError("the offer does not send video")
        except (ServiceError, asyncio.CancelledError):
            self._let_go(publisher)
            raise
        publisher.peer.on("connectionstatechange", lambda: self._on_connection(publisher))
        return publisher.id, negotiation.ask_for_bitrate(answer, _START_KBPS, _MIN_KBPS)

    async def close(self, publisher_id: str) -> None:
        """End a publisher.

        Raises:
            ResourceNotFoundError: No publisher has this id (any more).
        """
        self._let_go(self._publisher_of(publisher_id))
        await self._settle()

    async def trickle(
        self, publisher_id: str, if_match: str | None, fragment: TrickleFragment
    ) -> None:
        """Take candidates that a publisher sends after its offer.

        Raises:
            ResourceNotFoundError: No publisher has this id (any more).
            ProtocolError: The entity tag is missing or wrong, or a restart is asked for.
        """
        publisher = self._publisher_of(publisher_id)
        trickle.require_match(if_match, publisher_id)
        await trickle.add_candidates(publisher.peer, publisher.ufrag, fragment)

    def _publisher_of(self, publisher_id: str) -> _Publisher:
        publisher = self._publisher
        if publisher is None or publisher.id != publisher_id:
            raise ResourceNotFoundError(f"no publisher {publisher_id[:40]!r}; it may have left")
        return publisher

    async def aclose(self) -> None:
        """End the publisher, if there is one."""
        self._sink = None
        if self._publisher is not None:
            self._let_go(self._publisher)
        await self._settle()

    def request_keyframe(self) -> None:
        """Report a lost picture to the publisher, at most three times a second."""
        now_ns = self._clock.monotonic_ns()
        publisher = self._publisher
        if publisher is None or publisher.tap is None:
            return
        last_ns = self._requested_ns
        if last_ns is not None and now_ns - last_ns < _KEYFRAME_INTERVAL_NS:
            return
        report = publisher.tap.request_keyframe()
        if report is not None:
            self._requested_ns = now_ns
            self._spawn(report)

    def give_up(self, error: ServiceError) -> bool:
        """Send the publisher away; another one, or the same in another form, may come."""
        if self._publisher is not None:
            self._let_go(self._publisher, f"{error}; {_WAITING}")
        return True

    def _take(self, publisher: _Publisher, codec_name: str, frame: RtpFrame) -> None:
        """Take a frame from the network: into the session's time, from a keyframe on."""
        codec = _CODECS.get(codec_name)
        sink = self._sink
        if publisher is not self._publisher or sink is None or codec is None:
            return
        now_ns = self._clock.monotonic_ns()
        publisher.last_frame_ns = now_ns
        payload = frame.data
        is_keyframe = _is_keyframe(codec, payload)
        if is_keyframe and codec == "h264":
            payload = publisher.parameter_sets.complete(payload)
        if frame.follows_loss and not is_keyframe:
            publisher.needs_keyframe = True
        if publisher.needs_keyframe and not is_keyframe:
            self.request_keyframe()
            return
        publisher.needs_keyframe = False
        if publisher.codec != codec:
            self._begin_stretch(sink, publisher, codec, now_ns)
        self._is_silent = False
        self._last_frame_ns = now_ns
        pts = self._timeline.map(publisher.unwrapper.unwrap(frame.timestamp))
        sink.packet(SourcePacket(payload, pts, is_keyframe, now_ns))

    def _begin_stretch(
        self, sink: SourceSink, publisher: _Publisher, codec: str, now_ns: int
    ) -> None:
        """Put a new publisher's video behind the last one's, as far as time has gone on."""
        publisher.codec = codec
        if self._has_played:
            lost_ns = now_ns - self._last_frame_ns
            self._timeline.begin_stretch(lost_ns * CLOCK_RATE_HZ // 1_000_000_000)
        sink.begin(StreamFormat(codec), "another publisher" if self._has_played else None)
        self._has_played = True

    def _watch(self) -> None:
        """Report silence, and let go of a publisher that stays silent or never connected."""
        publisher = self._publisher
        if publisher is None or self._sink is None:
            return
        now_ns = self._clock.monotonic_ns()
        if publisher.last_frame_ns is None:
            if now_ns - publisher.created_ns > _CONNECT_NS:
                self._let_go(publisher)
            return
        silence_ns = now_ns - publisher.last_frame_ns
        if silence_ns > _GONE_NS:
            self._let_go(publisher)
        elif silence_ns > _SILENCE_NS and not self._is_silent:
            self._is_silent = True
            self._sink.report(SourceState.STALLED, "the publisher went silent")

    def _may_replace(self, publisher: _Publisher) -> bool:
        """Whether a publisher is as good as gone, as after a page was loaded again."""
        silent_from_ns = publisher.last_frame_ns
        if silent_from_ns is None:
            return False
        return self._clock.monotonic_ns() - silent_from_ns > _SILENCE_NS

    def _on_connection(self, publisher: _Publisher) -> None:
        if publisher.peer.connectionState in ("failed", "closed"):
            self._let_go(publisher)

    def _let_go(self, publisher: _Publisher, reason: str = _WAITING) -> None:
        """Close a publisher's connection and wait for the next one."""
        if publisher is self._publisher:
            self._publisher = None
            if self._sink is not None:
                state = SourceState.RECONNECTING if self._has_played else SourceState.CONNECTING
                self._sink.report(state, reason)
        self._spawn(publisher.peer.close())

    def _spawn(self, awaitable: Awaitable[None]) -> None:
        task = asyncio.ensure_future(awaitable)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self) -> None:
        """Wait until closed connections are gone."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))


def _is_keyframe(codec: str, payload: bytes) -> bool:
    """Whether a frame can be decoded on its own (VP8: RFC 6386 section 9.1)."""
    if codec == "h264":
        return h264.has_idr(payload)
    return len(payload) >= 10 and not payload[0] & 1 and payload[3:6] == b"\x9d\x01\x2a"
