"""Which way packets go: to viewers as they are, or through the session's own encoder."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

from server.errors import ServiceError
from server.media import h264
from server.media.clock import Clock
from server.media.decoder import DecoderThread
from server.media.encoder import Encoders
from server.media.feed import Source
from server.media.frame import (
    CLOCK_RATE_HZ,
    CodedPacket,
    ModelFrame,
    RelayCodec,
    SourcePacket,
    StreamFormat,
    VideoInfo,
)
from server.media.mailbox import Mailbox
from server.media.packet_queue import Restart
from server.media.region import Rectangle, RegionChoice
from server.media.relay import Relay
from server.media.sight import Sight
from server.media.view_watch import ViewLimits

_RELAYED: dict[str, RelayCodec] = {"h264": "h264", "vp8": "vp8"}
_JOIN_TIMEOUT_S = 5.0
_CALLBACK_TIMEOUT_S = 5.0
_MAX_IDR_DISTANCE = 4 * CLOCK_RATE_HZ


class RouterOwner(Protocol):
    """Whom the router tells what it found; on the event loop."""

    def model_must_forget(self, reason: str) -> None:
        """The next picture does not continue the last."""

    def see(self, sight: Sight) -> None:
        """The pictures show something else than before."""

    def size_changed(self, pts: int, width: int, height: int) -> None:
        """Pictures have another size from this one on."""

    def decoding_failed(self, error: ServiceError) -> None:
        """What comes cannot be decoded, and is not tried further."""

    def nothing_decoded(self) -> None:
        """For a second nothing of what came could be decoded."""


class PacketRouter:
    """Takes a source's packets, on the event loop, and feeds the relay and the decoder thread.

    A packet that browsers can play is published before anything else happens to it. Whether they
    can is seen from the packets themselves and from the first decoded pictures; once they cannot,
    this codec is encoded again for the rest of the session.

    Args:
        relay: To the viewers.
        mailbox: To the model.
        model_size: (height, width) of the model's pictures.
        label: Name of the source in messages.
        source: Asked for keyframes, if it can make them.
        owner: Told of discontinuities and failures.
        clock: Time, the same that stamps the packets.
        encoders: Make the encoder for what browsers cannot play.
        region: Which part of the picture the model gets.
        view: How the pictures are looked at.
    """

    def __init__(
        self,
        relay: Relay,
        mailbox: Mailbox[ModelFrame],
        model_size: tuple[int, int],
        label: str,
        source: Source,
        owner: RouterOwner,
        clock: Clock,
        encoders: Encoders,
        region: RegionChoice,
        view: ViewLimits,
    ) -> None:
        self.video: VideoInfo | None = None
        self.relay = relay
        self._source = source
        self._owner = owner
        self._decoder = DecoderThread(
            self, mailbox, model_size, label, clock, encoders, region, view
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closing = False
        self._is_encoding = False
        self._codec: RelayCodec = "h264"
        self._unsuitable: set[str] = set()
        self._stretch: Restart | None = None
        self._last_idr_pts: int | None = None

    @property
    def decoded(self) -> int:
        """Pictures decoded so far."""
        return self._decoder.decoded

    @property
    def drops(self) -> dict[str, int]:
        """What the decoder thread dropped, by cause."""
        return self._decoder.drops

    @property
    def region(self) -> Rectangle | None:
        """The part of the picture that the model gets; None before it is known."""
        return self._decoder.region

    def choose_region(self, choice: RegionChoice) -> None:
        """Give the model another part of the picture, from the next picture on."""
        self._decoder.choose_region(choice)

    def start(self) -> None:
        """Start the decoder thread."""
        self._loop = asyncio.get_running_loop()
        self._decoder.start()

    async def aclose(self) -> None:
        """Stop the decoder thread."""
        self._is_closing = True
        self._decoder.stop()
        await asyncio.to_thread(self._decoder.join, _JOIN_TIMEOUT_S)

    def change_source(self, source: Source, label: str) -> None:
        """Take what comes next from another source, of whose video nothing is known."""
        self._source = source
        self._unsuitable.clear()
        self._decoder.rename(label)

    def begin(
        self, stream: StreamFormat, reason: str | None, *, is_same_picture: bool = False
    ) -> None:
        """Take up a new stretch of video."""
        codec = _RELAYED.get(stream.codec)
        was_encoding = self._is_encoding
        is_unsuitable = stream.needs_encoding or stream.codec in self._unsuitable
        self._last_idr_pts = None
        self._set_encoding(codec is None or is_unsuitable)
        if codec is not None and not self._is_encoding:
            self._set_codec(codec)
        if not (was_encoding and self._is_encoding):
            self.relay.restart()
        self._stretch = Restart(stream, reason, is_same_picture)
        self._decoder.restart(self._stretch)

    def packet(self, packet: SourcePacket) -> None:
        """Relay a packet, if viewers can have it as it is, then queue it for the decoder."""
        if not self._is_encoding:
            self._pass_on(packet)
        if not self._decoder.submit(packet) and self._source.can_make_keyframes:
            self._source.request_keyframe()

    def finish(self) -> None:
        """Let the decoder give out what it still holds: nothing more will come."""
        if self._stretch is not None:
            self._stretch = Restart(self._stretch.format, None, is_end=True)
            self._decoder.restart(self._stretch)

    def _pass_on(self, packet: SourcePacket) -> None:
        is_keyframe = packet.is_keyframe
        if self._codec == "h264":
            if self._is_obstacle(packet):
                self._begin_encoding()
                return
            is_keyframe = is_keyframe and h264.has_idr(packet.payload)
        self.relay.publish(
            CodedPacket(
                payload=packet.payload,
                pts=packet.pts,
                is_keyframe=is_keyframe,
                codec=self._codec,
                captured_at_ns=packet.captured_at_ns,
            )
        )

    def _is_obstacle(self, packet: SourcePacket) -> bool:
        """Whether a browser could not play this H.264 packet as it is."""
        if packet.pts <= self.relay.last_pts or h264.has_b_slice(packet.payload):
            # Pictures are not sent in the order in which they are shown.
            return True
        if not packet.is_keyframe:
            return False
        if h264.has_idr(packet.payload):
            self._last_idr_pts = packet.pts
            return not h264.is_browser_profile(packet.payload)
        if self._last_idr_pts is None:
            self._last_idr_pts = packet.pts
        # Without IDR pictures a viewer could never start.
        return packet.pts - self._last_idr_pts > _MAX_IDR_DISTANCE

    # What the decoder thread calls (DecoderListener).

    def on_picture(self, width: int, height: int, fps: float | None) -> None:
        """Remember what viewers will see."""
        self._post(self._set_video, width, height, fps)

    def on_size(self, pts: int, width: int, height: int) -> None:
        """Tell the session, for its viewers."""
        self._post(self._owner.size_changed, pts, width, height)

    def on_discontinuity(self, reason: str) -> None:
        """Tell the session and wait until it has heard: only then may pictures follow."""
        told = threading.Event()

        def tell() -> None:
            try:
                self._owner.model_must_forget(reason)
            finally:
                told.set()

        if self._post(tell):
            told.wait(_CALLBACK_TIMEOUT_S)

    def on_sight(self, sight: Sight) -> None:
        """Tell the session what the pictures show."""
        self._post(self._owner.see, sight)

    def on_encoded(self, packet: CodedPacket) -> None:
        """Relay a packet of our own encoder."""
        self._post(self._publish_encoded, packet)

    def on_unsuitable(self, stretch: Restart) -> None:
        """Encode from now on, unless another stretch has begun: its packets may be in order."""
        self._post(self._in_stretch, stretch, self._begin_encoding)

    def on_corrupt(self) -> None:
        """Ask for a keyframe where that is possible."""
        if self._source.can_make_keyframes:
            self._post(self._source.request_keyframe)

    def on_hopeless(self, stretch: Restart) -> None:
        """Say that nothing can be made of what comes."""
        self._post(self._in_stretch, stretch, self._owner.nothing_decoded)

    def on_failure(self, error: ServiceError, stretch: Restart) -> None:
        """Give up what comes now: it cannot be decoded."""
        self._post(self._in_stretch, stretch, partial(self._owner.decoding_failed, error))

    def _in_stretch(self, stretch: Restart, callback: Callable[[], None]) -> None:
        """Call back, unless what the decoder speaks of is over."""
        if stretch is self._stretch:
            callback()

    def _post(self, callback: Callable[..., object], *arguments: object) -> bool:
        """Call back on the loop; False if the session is on its way out."""
        if self._loop is None or self._is_closing or self._loop.is_closed():
            return False
        self._loop.call_soon_threadsafe(callback, *arguments)
        return True

    def _publish_encoded(self, packet: CodedPacket) -> None:
        if not self._is_encoding or packet.pts <= self.relay.last_pts:
            self._decoder.request_keyframe()
            return
        self.relay.publish(packet)

    def _begin_encoding(self) -> None:
        if self._is_encoding or self._stretch is None:
            return
        self._unsuitable.add(self._stretch.format.codec)
        self._set_encoding(True)
        self.relay.restart()

    def _set_encoding(self, is_wanted: bool) -> None:
        self._is_encoding = is_wanted
        self._decoder.encode_from_now_on(is_wanted)
        if is_wanted:
            self.relay.set_keyframe_request(self._decoder.request_keyframe)
            self._set_codec("h264")
        elif self._source.can_make_keyframes:
            self.relay.set_keyframe_request(self._source.request_keyframe)
        else:
            self.relay.set_keyframe_request(None)

    def _set_codec(self, codec: RelayCodec) -> None:
        if codec != self._codec and self.video is not None:
            self.video = VideoInfo(self.video.width, self.video.height, self.video.fps, codec)
        self._codec = codec

    def _set_video(self, width: int, height: int, fps: float | None) -> None:
        self.video = VideoInfo(width, height, fps, self._codec)
