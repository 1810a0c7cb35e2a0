"""Decodes the packets of one stretch of video, within limits."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import av
from av.codec.codec import UnknownCodecError
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext

from server.errors import UnsupportedCodecError
from server.media.container import MAX_PICTURE, cause_of, check_picture_size
from server.media.frame import CLOCK_RATE_HZ, SourcePacket, StreamFormat

_TIME_BASE = Fraction(1, CLOCK_RATE_HZ)
_DECODERS = {"av1": "libdav1d"}
"""Where FFmpeg's decoder of the codec's own name works with hardware only."""

_STILLS = frozenset({"mjpeg", "png"})
"""Codecs whose pictures stand alone: one that cannot be decoded says nothing of the next."""


class CorruptPacketError(Exception):
    """A packet cannot be decoded; later ones may be."""


def padded_packet(payload: bytes) -> av.Packet[Stream]:
    """Return a packet to be decoded.

    Decoders read some bytes beyond the end, which FFmpeg wants to be zero: a packet that is made
    of our bytes has whatever follows them, and MPEG-4 pictures then come out wrong.
    """
    packet: av.Packet[Stream] = av.Packet(len(payload))
    packet.update(payload)
    return packet


class PictureDecoder:
    """FFmpeg's decoder of one stretch. Belongs to the thread that decodes.

    Args:
        stream: How the packets are coded.
        label: Name of the source in messages.

    Raises (from the constructor):
        UnsupportedCodecError: There is no decoder for it, or its pictures are too large.
    """

    def __init__(self, stream: StreamFormat, label: str) -> None:
        self._label = label
        self._context = self._open(stream)

    def decode(self, packet: SourcePacket) -> list[av.VideoFrame]:
        """Decode a packet.

        Raises:
            CorruptPacketError: It cannot be decoded.
            UnsupportedCodecError: Neither can those that follow.
        """
        coded = padded_packet(packet.payload)
        coded.pts = packet.pts
        coded.time_base = _TIME_BASE
        # FFmpeg takes a PNG picture that is not marked as one for the difference to the one before.
        coded.is_keyframe = packet.is_keyframe
        return self._receive(coded)

    def drain(self) -> list[av.VideoFrame]:
        """Return what the decoder still holds; nothing can be decoded afterwards.

        Raises:
            CorruptPacketError: It cannot be decoded.
        """
        return self._receive(None)

    def _open(self, stream: StreamFormat) -> VideoCodecContext:
        try:
            name = _DECODERS.get(stream.codec, stream.codec)
            context = cast(VideoCodecContext, av.CodecContext.create(name, "r"))
        except (UnknownCodecError, av.FFmpegError) as exc:
            raise UnsupportedCodecError(
                f"{self._label}: no decoder for {stream.codec} video"
            ) from exc
        if stream.extradata:
            context.extradata = stream.extradata
        if stream.raw_format:
            context.pix_fmt = stream.raw_format
        if min(stream.size) > 0:
            check_picture_size(*stream.size, self._label)
            context.width, context.height = stream.size
        # Frame threads would hold back one picture each; slices do not.
        context.thread_type = "SLICE"
        # dav1d's own threads free packets, for which PyAV takes the interpreter's lock: closing it,
        # with that lock held, would wait for them for ever.
        context.thread_count = 1 if name == "libdav1d" else 2
        context.options = {"max_pixels": str(MAX_PICTURE[0] * MAX_PICTURE[1])}
        try:
            context.open()
        except av.FFmpegError as exc:
            raise UnsupportedCodecError(
                f"{self._label}: its {stream.codec} video cannot be decoded ({cause_of(exc)})"
            ) from exc
        return context

    def _receive(self, coded: av.Packet[Stream] | None) -> list[av.VideoFrame]:
        try:
            return self._context.decode(coded)
        except av.EOFError:
            return []
        except av.FFmpegError as exc:
            if self._context.name not in _STILLS:
                self._require_decodable(exc)
            raise CorruptPacketError(self._label) from exc

    def _require_decodable(self, error: av.FFmpegError) -> None:
        """Raise, if the rest of the stream will not be decoded either."""
        check_picture_size(self._context.width, self._context.height, self._label)
        if isinstance(error, av.PatchWelcomeError):
            raise UnsupportedCodecError(
                f"{self._label}: its video uses a feature that cannot be decoded"
            ) from error
