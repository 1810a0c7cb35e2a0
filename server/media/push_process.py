"""The process that sends one stream to one address: `python -m server.media.push_process`.

A process of its own, because FFmpeg connects while it holds the interpreter's lock, and does not
let itself be interrupted while it writes: in the service, a peer that does not answer would stop
every session. Here the kernel's alarm ends it.

Standard input: one line of JSON (`url`, `container`, `codec`, `timeout_s`), then packets: length
(4 bytes), pts (8), whether it is a keyframe (1), big endian, and the payload. Standard output: one
dot for each packet that was sent, or one line that begins with `!`: JSON with `reason` and
`is_final` (trying again is of no use). It ends with its input.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from struct import Struct
from typing import Any, BinaryIO, NamedTuple

import av
from av.codec.context import CodecContext
from av.container import OutputContainer
from av.stream import Stream

PACKET_HEAD = Struct(">IQB")
SENT = b"."
FAILED = b"!"

_TIME_BASE = Fraction(1, 90_000)
_CLOSE_TIMEOUT_S = 2
_OPTIONS = {
    "rtsp": {"rtsp_transport": "tcp"},
    "flv": {"flvflags": "no_duration_filesize", "flush_packets": "1"},
    "mpegts": {"flush_packets": "1"},
}


class _CodecNotCarriedError(ValueError):
    """The container is not made for this codec."""


class _CodedPicture(NamedTuple):
    payload: bytes
    pts: int
    is_keyframe: bool


def main() -> int:
    """Send what comes on standard input until it ends; 0 if nothing went wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders, answers = sys.stdin.buffer, sys.stdout.buffer
    head = json.loads(orders.readline())
    try:
        _send_all(head, _pictures(orders), answers)
    except (av.FFmpegError, OSError, ValueError) as exc:
        reason, is_final = _explain(exc, head)
        line = json.dumps({"reason": reason, "is_final": is_final})
        answers.write(FAILED + line.encode() + b"\n")
        answers.flush()
        return 1
    return 0


def _pictures(orders: BinaryIO) -> Iterator[_CodedPicture]:
    while len(head := orders.read(PACKET_HEAD.size)) == PACKET_HEAD.size:
        length, pts, is_keyframe = PACKET_HEAD.unpack(head)
        payload = orders.read(length)
        if len(payload) < length:
            return
        yield _CodedPicture(payload, pts, bool(is_keyframe))


def _send_all(head: dict[str, Any], pictures: Iterator[_CodedPicture], answers: BinaryIO) -> None:
    container: OutputContainer | None = None
    stream: Stream | None = None
    first_pts = 0
    try:
        for picture in pictures:
            with _alarm(head["timeout_s"]):
                if container is None or stream is None:
                    container, stream = _open(head, picture)
                    first_pts = picture.pts
                packet = av.Packet(picture.payload)
                packet.pts = packet.dts = picture.pts - first_pts
                packet.time_base = _TIME_BASE
                packet.is_keyframe = picture.is_keyframe
                packet.stream = stream
                container.mux_one(packet)
            answers.write(SENT)
            answers.flush()
    finally:
        if container is not None:
            _close(container)


def _open(head: dict[str, Any], picture: _CodedPicture) -> tuple[OutputContainer, Stream]:
    kind, codec = head["container"], head["codec"]
    if codec != "h264" and kind != "rtsp":
        raise _CodecNotCarriedError
    container = av.open(head["url"], "w", format=kind, options=dict(_OPTIONS[kind]))
    width, height = _size_of(codec, picture.payload)
    stream = container.add_mux_stream(
        codec, rate=25, width=width, height=height, time_base=_TIME_BASE
    )
    return container, stream


def _size_of(codec: str, payload: bytes) -> tuple[int, int]:
    """Decode a keyframe for its (width, height): some containers tell it in their header."""
    decoder: Any = CodecContext.create(codec, "r")
    frames = decoder.decode(av.Packet(payload)) + decoder.decode(None)
    return (frames[0].width, frames[0].height) if frames else (0, 0)


def _close(container: OutputContainer) -> None:
    with _alarm(_CLOSE_TIMEOUT_S):
        try:
            container.close()
        except (av.FFmpegError, OSError):
            # Closing says goodbye to the peer; nobody is left to hear that it failed.
            return


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Let the kernel end this process if the body takes longer, whatever holds the lock."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _explain(exc: Exception, head: dict[str, Any]) -> tuple[str, bool]:
    """Say in one line, without the URL, what went wrong, and whether it will again."""
    scheme = str(head["url"]).partition(":")[0]
    if isinstance(exc, av.ProtocolNotFoundError):
        return f"this build of FFmpeg has no {scheme}; push by rtsp or rtmp", True
    if isinstance(exc, _CodecNotCarriedError):
        return f"{scheme} does not carry {head['codec']} video; push the burned stream", True
    if isinstance(exc, av.HTTPUnauthorizedError):
        return "the peer wants a login; give it as USER:PASSWORD@ before the host", False
    return str(getattr(exc, "strerror", None) or type(exc).__name__).lower(), False


if __name__ == "__main__":
    sys.exit(main())
