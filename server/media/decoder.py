"""The decoder thread of a session: coded packets in, model pictures (and packets to relay) out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import av

from server.errors import ServiceError, SourceError
from server.media.clock import Clock
from server.media.container import check_picture_size
from server.media.decoder_listener import DecoderListener
from server.media.decoding_watch import DecodingWatch
from server.media.encoder import Encoders, RelayEncoder, relayed_size
from server.media.frame import CLOCK_RATE_HZ, ModelFrame, SourcePacket
from server.media.frame_identity import FrameIdentities
from server.media.frame_rate import FrameRate
from server.media.mailbox import Mailbox
from server.media.model_feed import ModelFeed
from server.media.packet_queue import PacketQueue, Restart
from server.media.picture_decoder import CorruptPacketError, PictureDecoder
from server.media.region import Rectangle, RegionChoice
from server.media.view_watch import ViewLimits

_QUEUE_PACKETS = 60
_LATE_PACKETS = 2
_VERY_LATE_PACKETS = 8
_GAP_TICKS = 2 * CLOCK_RATE_HZ
_GAP_NS = 2_000_000_000
_BROWSER_FORMATS = frozenset({"yuv420p", "yuvj420p"})


class DecoderThread:
    """Decodes in one named thread, numbers the pictures and leaves the newest for the model.

    The public methods are for the event loop; what they share with the thread is a queue and two
    events.
    """

    def __init__(
        self,
        listener: DecoderListener,
        mailbox: Mailbox[ModelFrame],
        model_size: tuple[int, int],
        label: str,
        clock: Clock,
        encoders: Encoders,
        region: RegionChoice,
        view: ViewLimits,
    ) -> None:
        self._listener = listener
        self._clock = clock
        self._encoders = encoders
        self._label = label
        self._queue = PacketQueue(_QUEUE_PACKETS)
        self._counts = {"late": 0, "corrupt": 0, "encoder": 0}
        self._encode_wanted = threading.Event()
        self._keyframe_wanted = threading.Event()
        self._feed = ModelFeed(listener, mailbox, model_size, region, view)
        self._thread = threading.Thread(target=self._run, name="sali-decoder", daemon=True)
        # From here on: the thread's own.
        self._stretch: Restart | None = None
        self._decoder: PictureDecoder | None = None
        self._decoding = DecodingWatch()
        self._encoder: RelayEncoder | None = None
        self._identities = FrameIdentities()
        self._sequence = 0
        self._last_pts: int | None = None
        self._last_captured_ns = 0
        self._size: tuple[int, int] | None = None
        self._told_fps: float | None = None
        self._is_fresh = True
        self._rate = FrameRate(None)

    @property
    def decoded(self) -> int:
        """Pictures decoded so far, those that could not be identified included."""
        return self._sequence

    @property
    def drops(self) -> dict[str, int]:
        """Pictures and packets that did not reach the model or the encoder, by cause."""
        return {"decoder_queue": self._queue.drops, **self._counts, **self._feed.drops}

    @property
    def region(self) -> Rectangle | None:
        """The part of the picture that the model gets; None before it is known."""
        return self._feed.region

    def choose_region(self, choice: RegionChoice) -> None:
        """Give the model another part of the picture, from the next picture on."""
        self._feed.choose_region(choice)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def rename(self, label: str) -> None:
        """Call the source by another name in messages: it is another source from now on."""
        self._label = label

    def submit(self, packet: SourcePacket) -> bool:
        """Queue a packet; False if it was dropped because a keyframe is needed first."""
        return self._queue.put_packet(packet)

    def restart(self, restart: Restart) -> None:
        """Say that the packets which follow are a new stretch."""
        self._queue.put_restart(restart)

    def encode_from_now_on(self, is_wanted: bool) -> None:
        """Encode each decoded picture for the viewers, or stop doing so."""
        if is_wanted:
            self._encode_wanted.set()
        else:
            self._encode_wanted.clear()

    def request_keyframe(self) -> None:
        """Make the next encoded picture a keyframe."""
        self._keyframe_wanted.set()

    def stop(self) -> None:
        """End the thread after the picture in hand."""
        self._queue.close()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the thread; whether it ended. Blocks."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while (item := self._queue.get()) is not None:
                if isinstance(item, Restart):
                    self._guard(self._drain)
                    self._guard(partial(self._restart, item))
                else:
                    self._guard(partial(self._decode, item))
        finally:
            self._close_encoder()

    def _guard(self, work: Callable[[], None]) -> None:
        """Do a piece of work; a failure ends this stretch of video, in plain sight."""
        try:
            work()
        except ServiceError as error:
            self._give_up(error)
        except Exception as exc:  # noqa: BLE001
            # Whatever a picture or a fault of ours does, the next stretch may be in order.
            self._give_up(
                SourceError(f"{self._label}: decoding failed ({type(exc).__name__}: {exc})")
            )

    def _give_up(self, error: ServiceError) -> None:
        self._decoder = None
        self._counts["corrupt"] += 1
        if self._stretch is not None:
            self._listener.on_failure(error, self._stretch)

    def _restart(self, restart: Restart) -> None:
        self._stretch, self._decoder = restart, None
        self._decoding = DecodingWatch()
        if restart.reason is not None:
            self._feed.begin_stretch(restart.reason)
            if not restart.is_same_picture:
                self._feed.look_afresh()
        self._decoder = PictureDecoder(restart.format, self._label)
        self._identities.forget()
        self._is_fresh = True
        self._rate = FrameRate(restart.format.fps)
        if restart.is_end and not self._sequence:
            raise SourceError(f"{self._label}: none of its pictures can be decoded")

    def _decode(self, packet: SourcePacket) -> None:
        decoder = self._decoder
        if decoder is None:
            return
        self._identities.expect(packet.pts, packet.captured_at_ns)
        self._decoding.note_packet(packet.captured_at_ns)
        self._take_all(partial(decoder.decode, packet))
        if self._stretch is not None and self._decoding.is_hopeless(packet.captured_at_ns):
            self._decoding = DecodingWatch()
            self._listener.on_hopeless(self._stretch)

    def _drain(self) -> None:
        """Take what a decoder still holds at the end of its stretch."""
        if self._decoder is not None:
            self._take_all(self._decoder.drain)

    def _take_all(self, receive: Callable[[], list[av.VideoFrame]]) -> None:
        """Take what a decoder gives out; what it cannot decode is counted."""
        try:
            frames = receive()
        except CorruptPacketError:
            self._counts["corrupt"] += 1
            self._decoding.note_loss()
            self._listener.on_corrupt()
            return
        for frame in frames:
            self._decoding.note_picture()
            self._take(frame)

    def _take(self, frame: av.VideoFrame) -> None:
        """Number a decoded picture, then encode it for viewers and shrink it for the model."""
        sequence, self._sequence = self._sequence, self._sequence + 1
        found = self._identities.take(
            frame.pts, after=self._last_pts, may_guess=self._encode_wanted.is_set()
        )
        if found is None:
            self._counts["corrupt"] += 1
            return
        pts, arrived_ns = found
        # A file tells when a picture is due, which the decoder may beat by some milliseconds.
        captured_at_ns = min(arrived_ns, self._clock.monotonic_ns())
        self._watch(frame, pts, captured_at_ns)
        self._encode(frame, pts, captured_at_ns)
        if self._queue.packets > _LATE_PACKETS:
            self._counts["late"] += 1
            return
        size = self._size or (frame.width, frame.height)
        self._feed.take(frame, size, sequence=sequence, pts=pts, captured_at_ns=captured_at_ns)

    def _watch(self, frame: av.VideoFrame, pts: int, captured_at_ns: int) -> None:
        """Notice a gap, another size, and pictures that browsers cannot decode."""
        check_picture_size(frame.width, frame.height, self._label)
        gap = 0 if self._last_pts is None or self._is_fresh else pts - self._last_pts
        gap_ns = 0 if self._is_fresh else captured_at_ns - self._last_captured_ns
        self._last_captured_ns = captured_at_ns
        self._last_pts = pts
        self._is_fresh = False
        size = (frame.width, frame.height)
        if self._encode_wanted.is_set():
            size = relayed_size(*size)
        elif self._stretch is not None and not _suits_browsers(frame):
            self._listener.on_unsuitable(self._stretch)
        if gap > _GAP_TICKS or gap_ns > _GAP_NS:
            self._feed.pass_over_gap()
        self._rate.add(pts)
        if self._rate.fps != self._told_fps or size != self._size:
            if size != self._size:
                self._listener.on_size(pts, *size)
                if self._size is not None:
                    self._feed.begin_stretch("the picture size changed")
            self._size = size
            self._told_fps = self._rate.fps
            self._listener.on_picture(*size, self._rate.fps)

    def _encode(self, frame: av.VideoFrame, pts: int, captured_at_ns: int) -> None:
        if not self._encode_wanted.is_set():
            self._close_encoder()
            return
        if self._queue.packets > _VERY_LATE_PACKETS:
            self._counts["encoder"] += 1
            return
        if self._encoder is None:
            self._encoder = self._encoders.create()
        if self._keyframe_wanted.is_set():
            self._keyframe_wanted.clear()
            self._encoder.request_keyframe()
        packet = self._encoder.encode(frame, pts, captured_at_ns)
        if packet is not None:
            self._listener.on_encoded(packet)

    def _close_encoder(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
            self._encoder = None


def _suits_browsers(frame: av.VideoFrame) -> bool:
    """Whether browsers decode pictures of this kind."""
    return frame.format.name in _BROWSER_FORMATS and not frame.interlaced_frame
