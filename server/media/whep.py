"""Viewers over WebRTC: each gets the relayed packets as they are (WHEP), clean or burned in."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import av
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCRtpSender
from aiortc.mediastreams import MediaStreamError
from av.stream import Stream

from server.errors import (
    InvalidOfferError,
    ResourceNotFoundError,
    ServiceError,
    SourceNotReadyError,
)
from server.media import aiortc_internals, negotiation, trickle
from server.media.frame import CLOCK_RATE_HZ, Overlay, RelayCodec
from server.media.relay import PacketSubscription, Relay, RelayClosedError
from server.media.trickle import TrickleFragment

_TIME_BASE = Fraction(1, CLOCK_RATE_HZ)
_CONNECT_TIMEOUT_S = 15.0
_CATCH_UP_PAUSE_S = 0.002
_CODEC_NAMES: dict[RelayCodec, str] = {"h264": "H264", "vp8": "VP8"}


class RelayTrack(MediaStreamTrack):
    """A track whose frames are the relay's packets, untouched.

    Subscribes when the connection first asks for a packet, so that nothing piles up before it
    stands. Reports the random origin of the connection's RTP timestamps as soon as one packet has
    left: `pts = (rtp_timestamp - origin) mod 2^32`.
    """

    kind = "video"

    def __init__(self, relay: Relay, codec: RelayCodec, on_origin: Callable[[int], None]) -> None:
        super().__init__()
        self.sender: RTCRtpSender | None = None
        self._relay = relay
        self._codec = codec
        self._on_origin = on_origin
        self._subscription: PacketSubscription | None = None
        self._given: tuple[int, int] | None = None
        self._is_origin_known = False

    async def recv(self) -> av.Packet[Stream]:
        """Return the next packet with its pts on the session's clock.

        Raises:
            MediaStreamError: The relay has ended, or its codec is no longer the negotiated one.
        """
        if not self._is_origin_known:
            self._learn_origin()
        try:
            if self._subscription is None:
                self._subscription = self._relay.subscribe()
            if self._subscription.waiting > 1:
                # The backlog of a joiner leaves quickly, but not as one burst of datagrams.
                await asyncio.sleep(_CATCH_UP_PAUSE_S)
            packet = await self._subscription.get()
        except RelayClosedError as exc:
            self.stop()
            raise MediaStreamError from exc
        if packet.codec != self._codec:
            self.stop()
            raise MediaStreamError
        if self.sender is not None and not self._is_origin_known:
            self._given = (packet.pts, aiortc_internals.sent_state(self.sender)[0])
        coded: av.Packet[Stream] = av.Packet(packet.payload)
        coded.pts = packet.pts
        coded.time_base = _TIME_BASE
        return coded

    def request_repair(self) -> None:
        """Answer the viewer's report of a lost picture."""
        if self._subscription is not None:
            self._subscription.request_repair()

    def stop(self) -> None:
        """Leave the relay."""
        super().stop()
        if self._subscription is not None:
            self._subscription.close()

    def _learn_origin(self) -> None:
        """Compare what was given last with what left, if anything left since."""
        if self.sender is None or self._given is None:
            return
        pts, count_before = self._given
        count, rtp_timestamp = aiortc_internals.sent_state(self.sender)
        if count > count_before:
            self._is_origin_known = True
            self._on_origin((rtp_timestamp - pts) & 0xFFFFFFFF)


@dataclass(slots=True)
class _Viewer:
    peer: RTCPeerConnection
    track: RelayTrack
    ufrag: str
    deadline: asyncio.TimerHandle | None = None


class WhepViewers:
    """The viewers of one session. Belongs to the session's event loop.

    Args:
        relay: Where the packets come from.
        on_origin: Called once per viewer with its id and the origin of its RTP timestamps.
        burned: Where the packets with masks burned in come from; None if there are none.
    """

    def __init__(
        self,
        relay: Relay,
        on_origin: Callable[[str, int], None],
        burned: Relay | None = None,
    ) -> None:
        self._relays: dict[Overlay, Relay] = {"clean": relay}
        if burned is not None:
            self._relays["burned"] = burned
        self._on_origin = on_origin
        self._viewers: dict[str, _Viewer] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """Viewers that are connected or connecting."""
        return len(self._viewers)

    async def create(
        self, offer_sdp: str, codec: RelayCodec, overlay: Overlay = "clean"
    ) -> tuple[str, str]:
        """Answer a viewer's offer.

        Args:
            offer_sdp: The viewer's SDP offer.
            codec: The codec of the packets (`VideoInfo.codec`); the answer allows no other.
            overlay: Which of the streams it gets.

        Returns:
            The viewer's id and the SDP answer.

        Raises:
            SourceNotReadyError: The stream that is asked for is over.
            InvalidOfferError: The offer cannot be used, or takes no video.
            UnsupportedCodecError: The viewer cannot decode `codec`.
        """
        relay = self._relays[overlay]
        if relay.is_closed:
            raise SourceNotReadyError(f"the {overlay} stream of this session has ended")
        viewer_id = f"v{secrets.token_hex(8)}"
        peer = negotiation.create_peer()
        track = RelayTrack(relay, codec, lambda origin: self._on_origin(viewer_id, origin))
        transceiver = peer.addTransceiver(track, "sendonly")
        transceiver.setCodecPreferences(negotiation.video_codecs(_CODEC_NAMES[codec]))
        track.sender = transceiver.sender
        aiortc_internals.on_keyframe_request(transceiver.sender, track.request_repair)
        aiortc_internals.ask_for_playout_at_once(transceiver.sender)
        try:
            answer = await negotiation.answer_offer(peer, offer_sdp, before_start=lambda: None)
            if transceiver.currentDirection != "sendonly":
                raise InvalidOfferError("the offer does not want to receive video")
        except (ServiceError, asyncio.CancelledError):
            track.stop()
            await peer.close()
            raise
        self._admit(viewer_id, _Viewer(peer, track, trickle.ufrag_of(offer_sdp)))
        return viewer_id, answer

    async def close(self, viewer_id: str) -> None:
        """End one viewer.

        Raises:
            ResourceNotFoundError: No viewer has this id (any more).
        """
        viewer = self._viewers.pop(viewer_id, None)
        if viewer is None:
            raise ResourceNotFoundError(f"no viewer {viewer_id[:40]!r}; it may have left")
        await _end(viewer)

    def repair(self, viewer_id: str) -> None:
        """Help a viewer whose pictures are spoiled, as if it had reported a lost one.

        Nothing happens if there is no such viewer (any more).
        """
        viewer = self._viewers.get(viewer_id)
        if viewer is not None:
            viewer.track.request_repair()

    async def trickle(
        self, viewer_id: str, if_match: str | None, fragment: TrickleFragment
    ) -> None:
        """Take candidates that a viewer sends after its offer.

        Raises:
            ResourceNotFoundError: No viewer has this id (any more).
            ProtocolError: The entity tag is missing or wrong, or a restart is asked for.
        """
        viewer = self._viewers.get(viewer_id)
        if viewer is None:
            raise ResourceNotFoundError(f"no viewer {viewer_id[:40]!r}; it may have left")
        trickle.require_match(if_match, viewer_id)
        await trickle.add_candidates(viewer.peer, viewer.ufrag, fragment)

    async def aclose(self) -> None:
        """End all viewers."""
        viewers, self._viewers = list(self._viewers.values()), {}
        await asyncio.gather(*(_end(viewer) for viewer in viewers), *self._closing)

    def _admit(self, viewer_id: str, viewer: _Viewer) -> None:
        """Count a viewer in, and out again when its connection or its track ends."""
        loop = asyncio.get_running_loop()
        peer = viewer.peer
        self._viewers[viewer_id] = viewer
        viewer.deadline = loop.call_later(_CONNECT_TIMEOUT_S, self._drop, viewer_id)

        def on_state() -> None:
            if peer.connectionState == "connected" and viewer.deadline is not None:
                viewer.deadline.cancel()
            elif peer.connectionState in ("failed", "closed"):
                self._drop(viewer_id)

        peer.on("connectionstatechange", on_state)
        viewer.track.on("ended", lambda: self._drop(viewer_id))

    def _drop(self, viewer_id: str) -> None:
        """End a viewer from a callback, where nothing can be awaited."""
        viewer = self._viewers.pop(viewer_id, None)
        if viewer is not None:
            task = asyncio.get_running_loop().create_task(_end(viewer))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def _end(viewer: _Viewer) -> None:
    if viewer.deadline is not None:
        viewer.deadline.cancel()
    viewer.track.stop()
    await viewer.peer.close()
