"""What moves through the media half: coded packets, model pictures, facts of a stream."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from av import VideoFrame

CLOCK_RATE_HZ = 90_000
"""Ticks of every `pts` in a session, as RTP counts video."""

RelayCodec = Literal["h264", "vp8"]
"""The codecs that are relayed as they are; anything else is encoded again as H.264."""

Overlay = Literal["clean", "burned"]
"""Which of a session's streams somebody gets: the source's pictures, or those with masks drawn."""

BURNED_CODEC: RelayCodec = "h264"
"""How the stream with masks drawn into it is coded, whatever the source's codec."""


@dataclass(frozen=True, slots=True)
class CodedPacket:
    """One coded picture on its way to the viewers.

    Attributes:
        payload: H.264 in Annex B (a keyframe begins with its parameter sets), or one VP8 frame.
        pts: Session clock, 90 kHz ticks.
        is_keyframe: A viewer can start here.
        codec: How `payload` is coded.
        captured_at_ns: Monotonic time of arrival.
    """

    payload: bytes
    pts: int
    is_keyframe: bool
    codec: RelayCodec
    captured_at_ns: int


@dataclass(frozen=True, slots=True)
class SourcePacket:
    """One coded picture as a source delivers it, in decoding order.

    Attributes:
        payload: Coded bytes; H.264 always in Annex B.
        pts: Time of presentation on the session clock, 90 kHz ticks.
        is_keyframe: Decoding can start here.
        captured_at_ns: Monotonic time of arrival.
    """

    payload: bytes
    pts: int
    is_keyframe: bool
    captured_at_ns: int


@dataclass(frozen=True, slots=True)
class CodedPicture:
    """One coded picture on a connection, before it has a place on the session's clock.

    Attributes:
        payload: Coded bytes; H.264 keyframes begin with their parameter sets.
        ticks: The source's time of presentation, 90 kHz.
        is_keyframe: Decoding can start here.
        arrived_ns: Monotonic time at which its last piece came.
    """

    payload: bytes
    ticks: int
    is_keyframe: bool
    arrived_ns: int


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """How a source codes its packets.

    Attributes:
        codec: FFmpeg's name of the codec, for example "h264", "vp8", "mpeg1video".
        extradata: Out-of-band headers for the decoder; empty for H.264, which carries its own.
        fps: Nominal frame rate, if the source tells one.
        needs_encoding: The packets cannot go to a browser as they are, as far as the source knows.
        raw_format: FFmpeg's name of the pixel format, for "rawvideo" only.
        size: (width, height) as the source tells it, (0, 0) if it does not; some decoders need it.
    """

    codec: str
    extradata: bytes = b""
    fps: float | None = None
    needs_encoding: bool = False
    raw_format: str = ""
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class ModelFrame:
    """One decoded picture at the size of the model.

    Attributes:
        sequence: Number of the decoded frame in its session, from 0.
        pts: Session clock, 90 kHz ticks; equal to the `pts` of the packet that viewers get.
        captured_at_ns: Monotonic time at which the coded picture arrived.
        source_size: (height, width) of the picture that viewers see, in pixels.
        region: The part of that picture covered by `rgb`: (x, y, width, height).
        rgb: height * width * 3 bytes at model size, rows of red, green, blue;
            nobody writes into them.
        picture: The decoded picture itself, for stills; nobody writes into it.
        is_left_out: Whether it is too poor to enter the model's memory.
    """

    sequence: int
    pts: int
    captured_at_ns: int
    source_size: tuple[int, int]
    region: tuple[int, int, int, int]
    rgb: bytes | memoryview
    picture: VideoFrame | None = None
    is_left_out: bool = False


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The video as viewers get it; `codec` is the codec as relayed, `fps` None until known."""

    width: int
    height: int
    fps: float | None
    codec: RelayCodec


@dataclass(frozen=True, slots=True)
class SourceRetry:
    """The attempt to connect that is under way or comes next.

    Attributes:
        attempt: Its number since the source last delivered video, from 1.
        at_ns: Monotonic time at which it starts, or started.
    """

    attempt: int
    at_ns: int


class SourceState(StrEnum):
    """Where a source stands; the values are those of the wire protocol.

    `stalled` is connected, with no picture for a second or so; `reconnecting` has no connection.
    """

    CONNECTING = "connecting"
    PLAYING = "playing"
    STALLED = "stalled"
    RECONNECTING = "reconnecting"
    ENDED = "ended"
    FAILED = "failed"
