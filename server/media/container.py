"""Opening files and cameras with FFmpeg, and saying in one line why that failed."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Literal

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from server.errors import (
    SourceError,
    SourceLoginError,
    SourceRefusedError,
    SourceStalledError,
    SourceUnreachableError,
    UnsupportedCodecError,
)
from server.media.frame import StreamFormat
from server.media.rtsp.address import RtspAddress, parse_address

MAX_PICTURE = (4096, 2304)
"""Greatest picture that is decoded, (width, height); a small packet can claim a huge one."""

_RTSP_OPTIONS = {
    # Opens in 50 ms instead of a second; the decoder finds out the rest.
    "probesize": "32",
    "analyzeduration": "0",
    # The RTP payloads as they come: FFmpeg's parser holds every picture back until the next one
    # has come, and cuts pictures in two where an encoder repeats its headers between slices.
    "fflags": "noparse+nofillin",
    "allowed_media_types": "video",
    "timeout": "5000000",
    "protocol_whitelist": "rtsp,rtsps,rtp,udp,tcp,tls,crypto,http,https",
}

_RTSP_TRANSPORTS = {
    "auto": {"rtsp_transport": "tcp+udp", "rtsp_flags": "prefer_tcp"},
    "tcp": {"rtsp_transport": "tcp"},
    "udp": {"rtsp_transport": "udp"},
}

# Containers that hold video. FFmpeg knows more: it would play a text file as a terminal, and a
# playlist as the files and addresses in it.
_FILE_FORMATS = (
    "mov,matroska,avi,mpeg,mpegts,mpegvideo,h264,hevc,m4v,mjpeg,ivf,obu,flv,ogg,asf,mxf,gxf,dv,"
    "nut,yuv4mpegpipe,gif,rm,wav,mp3,flac"
)
_FILE_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FILE_FORMATS}

_ATTACHED_PICTURE = Disposition.attached_pic


def open_file(path: str) -> InputContainer:
    """Open a video file.

    Raises:
        SourceUnreachableError: The file is not there.
        SourceError: It is no file, may not be read, or holds nothing FFmpeg understands.
    """
    name = Path(path).name or path
    if not Path(path).exists():
        raise SourceUnreachableError(f"no such file: {path}")
    if not Path(path).is_file():
        raise SourceError(f"{path} is not a file")
    if not os.access(path, os.R_OK):
        raise SourceError(f"{path} may not be read; check its permissions")
    try:
        # The path is absolute: FFmpeg would take "tcp:..." for a protocol.
        absolute = str(Path(path).absolute())
        return av.open(absolute, options=dict(_FILE_OPTIONS), metadata_errors="replace")
    except av.FFmpegError as exc:
        raise SourceError(f"{name} holds no video that can be read ({cause_of(exc)})") from exc


def open_rtsp(
    url: str,
    timeout_s: float,
    read_timeout_s: float = 2.5,
    *,
    transport: Literal["auto", "tcp", "udp"] = "tcp",
) -> InputContainer:
    """Open a camera.

    Args:
        url: With credentials, if any.
        timeout_s: Longest wait for the connection and the description.
        read_timeout_s: Longest wait for a later packet.
        transport: How its packets come; "auto" is TCP, or UDP where the server refuses that.

    Raises:
        SourceUnreachableError: Nothing listens there, or no answer within `timeout_s`.
        SourceRefusedError: The server answered no: wrong path, login missing or wrong.
        SourceError: It answered something that is not video.
    """
    address = parse_address(url)
    label = address.label
    _resolve_host(address)
    try:
        return av.open(
            url,
            options={
                **_RTSP_OPTIONS,
                **_RTSP_TRANSPORTS[transport],
                "timeout": str(round(timeout_s * 1e6)),
            },
            timeout=(timeout_s, read_timeout_s),
            metadata_errors="replace",
        )
    except av.HTTPUnauthorizedError as exc:
        raise SourceLoginError(address.login_needed) from exc
    except av.HTTPNotFoundError as exc:
        raise SourceRefusedError(f"{label}: the server has no stream at this path") from exc
    except av.HTTPClientError as exc:
        raise SourceRefusedError(f"{label}: the server refused ({cause_of(exc)})") from exc
    except (av.ExitError, TimeoutError) as exc:
        raise SourceUnreachableError(f"{label} does not answer within {timeout_s:g} s") from exc
    except av.InvalidDataError as exc:
        raise SourceError(f"{label} delivers no video that can be read") from exc
    except ConnectionRefusedError as exc:
        raise SourceUnreachableError(
            f"{label} cannot be reached: nothing listens at that host and port"
        ) from exc
    except (av.FFmpegError, OSError) as exc:
        raise SourceUnreachableError(f"{label} cannot be reached ({cause_of(exc)})") from exc


def _resolve_host(address: RtspAddress) -> None:
    """Look the host up first: FFmpeg calls an unknown name an input/output error."""
    try:
        socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise SourceUnreachableError(
            f"{address.label} cannot be reached: no host is known by the name {address.host}"
        ) from exc


def video_stream(opened: InputContainer, label: str) -> VideoStream:
    """Return the first video stream, checked as far as the headers tell.

    Raises:
        SourceError: There is none.
        UnsupportedCodecError: It cannot be decoded, or its pictures are too large.
    """
    streams = [s for s in opened.streams.video if not s.disposition & _ATTACHED_PICTURE]
    if not streams:
        raise SourceError(f"{label} has no video")
    stream = streams[0]
    context = stream.codec_context
    if context is None:
        raise UnsupportedCodecError(f"{label}: its video is coded in a way FFmpeg cannot decode")
    check_picture_size(context.width, context.height, label)
    return stream


def check_picture_size(width: int, height: int, label: str) -> None:
    """Refuse pictures larger than `MAX_PICTURE`, whichever way they are turned.

    Raises:
        UnsupportedCodecError: They are larger.
    """
    if max(width, height) > MAX_PICTURE[0] or min(width, height) > MAX_PICTURE[1]:
        raise UnsupportedCodecError(
            f"{label}: pictures of {width}x{height} are too large;"
            f" the limit is {MAX_PICTURE[0]}x{MAX_PICTURE[1]}"
        )


def stream_format(stream: VideoStream, *, needs_encoding: bool = False) -> StreamFormat:
    """Describe a stream's packets; H.264 is taken to be in Annex B by then."""
    context = stream.codec_context
    rate = stream.average_rate or stream.guessed_rate
    fps = float(rate) if rate else None
    is_h264 = stream.codec.canonical_name == "h264"
    is_raw = stream.codec.canonical_name == "rawvideo"
    return StreamFormat(
        codec=stream.codec.canonical_name,
        extradata=b"" if is_h264 else bytes(context.extradata or b""),
        fps=fps if fps is not None and 1 <= fps <= 240 else None,
        needs_encoding=needs_encoding,
        raw_format=str(context.pix_fmt or "") if is_raw else "",
        size=(context.width, context.height),
    )


def read_error(exc: Exception, label: str) -> SourceError:
    """Say why reading stopped in the middle of a stream."""
    if isinstance(exc, (av.ExitError, TimeoutError)):
        return SourceStalledError(f"{label} went silent")
    return SourceError(f"{label} broke off ({cause_of(exc)})")


def close(opened: InputContainer) -> None:
    """Close a container whatever state the network left it in."""
    try:
        opened.close()
    except (av.FFmpegError, OSError):
        # Closing says goodbye to the server; nobody is left to hear that it failed.
        return


def cause_of(exc: Exception) -> str:
    """FFmpeg's own words, without the file name or URL that its messages repeat."""
    return str(getattr(exc, "strerror", None) or type(exc).__name__).lower()
