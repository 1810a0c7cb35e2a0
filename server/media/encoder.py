"""The session's own encoders: for video that browsers cannot play, and for burned-in masks."""

from __future__ import annotations

import threading

import av
import structlog
from av.codec.codec import UnknownCodecError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, VideoReformatter

from server.media.encoder_choice import TIME_BASE, X264, EncoderChoice, choose_encoder
from server.media.frame import CLOCK_RATE_HZ, CodedPacket
from server.settings import EncoderSettings

_GROUP_TICKS = CLOCK_RATE_HZ

_log = structlog.get_logger(__name__)


def relayed_size(width: int, height: int) -> tuple[int, int]:
    """The (width, height) at which a picture is encoded: 4:2:0 needs even sides."""
    return max(2, width & ~1), max(2, height & ~1)


class _Tally:
    """A number that threads add to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 0

    def add(self, number: int) -> None:
        """Add to it."""
        with self._lock:
            self.value += number


class RelayEncoder:
    """H.264 without delay and without B pictures: every picture in gives one packet, same pts.

    A keyframe comes once a second and on request, each with its parameter sets. Belongs to one
    thread. An encoder in hardware that fails is replaced by x264.

    Args:
        settings: Kind, preset and rate.
        tally: Counts it from its first picture until it is closed.
    """

    def __init__(
        self, settings: EncoderSettings | None = None, tally: _Tally | None = None
    ) -> None:
        self._settings = settings or EncoderSettings(kind="x264")
        self._tally = tally
        self._choice: EncoderChoice | None = None
        self._context: VideoCodecContext | None = None
        self._reformatter = VideoReformatter()
        self._last_keyframe_pts = 0
        self._keyframe_wanted = True

    def request_keyframe(self) -> None:
        """Make the next picture a keyframe."""
        self._keyframe_wanted = True

    def close(self) -> None:
        """Encode no more. Closing twice is harmless."""
        self._context = None
        if self._choice is not None and self._tally is not None:
            self._tally.add(-1)
        self._choice = None

    def encode(self, frame: av.VideoFrame, pts: int, captured_at_ns: int) -> CodedPacket | None:
        """Encode one picture; `pts` in 90 kHz ticks must grow from call to call.

        Returns:
            The packet with this very pts, or None if the encoder dropped the picture.

        Raises:
            av.FFmpegError: The encoder failed.
        """
        if self._choice is None:
            self._choice = choose_encoder(self._settings.kind)
            if self._tally is not None:
                self._tally.add(1)
        try:
            return self._encode(self._choice, frame, pts, captured_at_ns)
        except (av.FFmpegError, UnknownCodecError, OSError) as exc:
            if self._choice is X264:
                raise
            reason = str(getattr(exc, "strerror", None) or exc).lower()
            _log.warning("encoder_replaced", encoder=self._choice.kind, reason=reason)
            self._choice, self._context = X264, None
            return self._encode(X264, frame, pts, captured_at_ns)

    def _encode(
        self, choice: EncoderChoice, frame: av.VideoFrame, pts: int, captured_at_ns: int
    ) -> CodedPacket | None:
        width, height = relayed_size(frame.width, frame.height)
        context = self._context
        if context is None or (context.width, context.height) != (width, height):
            settings = self._settings
            context = self._context = choice.open(
                width, height, settings.preset, settings.max_kbps, frame.colorspace
            )
            self._keyframe_wanted = True
        picture = self._reformatter.reformat(
            frame, width, height, choice.pixel_format, dst_color_range=ColorRange.MPEG
        )
        picture.pts = pts
        picture.time_base = TIME_BASE
        wanted = self._keyframe_wanted or pts - self._last_keyframe_pts >= _GROUP_TICKS
        picture.pict_type = PictureType.I if wanted else PictureType.NONE
        for packet in context.encode(picture):
            if packet.is_keyframe:
                self._last_keyframe_pts = pts
                self._keyframe_wanted = False
            return CodedPacket(
                payload=bytes(packet),
                pts=pts,
                is_keyframe=packet.is_keyframe,
                codec="h264",
                captured_at_ns=captured_at_ns,
            )
        return None


class Encoders:
    """Makes the encoders of one session and knows how many of them work.

    Args:
        settings: Kind, preset and rate of all of them.
    """

    def __init__(self, settings: EncoderSettings | None = None) -> None:
        self._settings = settings
        self._tally = _Tally()

    @property
    def open(self) -> int:
        """Encoders that encode right now: 0 while every viewer gets the source's own packets."""
        return self._tally.value

    def create(self) -> RelayEncoder:
        """Make one; it counts from its first picture until it is closed."""
        return RelayEncoder(self._settings, self._tally)
