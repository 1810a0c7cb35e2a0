"""What a session's video comes from: the text people write, and whether it can work at all."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from server.errors import SourceRefusedError
from server.media import container
from server.media.capture import is_capture, open_capture, parse_capture
from server.media.rtsp.address import parse_address
from server.media.rtsp.connection import RtspTransport, check_rtsp

SourceKind = Literal["demo", "file", "rtsp", "whip", "capture", "frames"]

_WORDS: dict[str, SourceKind] = {"demo": "demo", "whip": "whip", "frames": "frames"}
_TRANSPORT = re.compile(r"(?:^|&)transport=(tcp|udp)(?=&|$)")
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)://")


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Where video comes from.

    Attributes:
        kind: Which source reads it.
        target: Path of the file, URL of the camera (may hold credentials: never show it) or device
            with its options; empty for "demo", "whip" and "frames".
        loop: Whether a file starts again when it ends.
        transport: How a camera's packets come; None leaves that to the settings.
    """

    kind: SourceKind
    target: str = field(default="", repr=False)
    loop: bool = False
    transport: Literal["tcp", "udp"] | None = None

    @property
    def label(self) -> str:
        """A name for people; holds neither credentials nor a query."""
        match self.kind:
            case "demo":
                return "phantom"
            case "whip":
                return "publisher"
            case "frames":
                return "program"
            case "file":
                return Path(self.target).name
            case "capture":
                return parse_capture(self.target).path
            case "rtsp":
                return parse_address(self.target).label


def parse_source(text: str, loop: bool = False) -> SourceSpec:
    """Read a source as people write it.

    `demo`, `whip`, `frames`, a path, `/dev/videoN`, `rtsp://...` or `rtsps://...`.

    Raises:
        SourceRefusedError: The text is empty, names an unsupported scheme, or is not a valid URL.
    """
    text = text.strip()
    if not text:
        raise SourceRefusedError(
            "no source given; use demo, whip, frames, a file, /dev/videoN or an rtsp:// URL"
        )
    if "\x00" in text or "\n" in text:
        raise SourceRefusedError("the source holds a line break or a zero byte")
    if text in _WORDS:
        return SourceSpec(kind=_WORDS[text])
    if is_capture(text):
        parse_capture(text)
        return SourceSpec(kind="capture", target=text)
    scheme = _SCHEME.match(text)
    if scheme is None:
        return SourceSpec(kind="file", target=str(Path(text).expanduser().absolute()), loop=loop)
    if scheme[1].lower() not in ("rtsp", "rtsps"):
        raise SourceRefusedError(
            f"{scheme[1].lower()}:// sources are not supported; use rtsp://, rtsps:// or a file"
        )
    parse_address(text)
    return _rtsp_spec(text)


def _rtsp_spec(url: str) -> SourceSpec:
    """Take our own option `transport` out of a camera's URL; the rest of the query is its."""
    parts = urlsplit(url)
    transport = _TRANSPORT.search(parts.query)
    if transport is None:
        return SourceSpec(kind="rtsp", target=url)
    query = _TRANSPORT.sub("", parts.query).removeprefix("&")
    return SourceSpec(
        kind="rtsp",
        target=urlunsplit((parts.scheme, parts.netloc, parts.path, query, "")),
        transport="udp" if transport[1] == "udp" else "tcp",
    )


def check_source(
    spec: SourceSpec, *, transport: RtspTransport = "auto", timeout_s: float = 5.0
) -> None:
    """Find out now, in at most some seconds, whether a source can deliver video. Blocks.

    Sources to which others come (`whip`, `frames`) and the demo pass: there is nothing to reach.

    Args:
        spec: Where the video would come from.
        transport: For cameras whose URL does not tell.
        timeout_s: Longest wait for a camera.

    Raises:
        SourceUnreachableError: No such file or device, or nothing answers at the URL.
        SourceRefusedError: It said no (wrong path, login needed, no permission).
        UnsupportedCodecError: There is video, in a form that cannot be decoded.
        SourceError: There is no video in it.
    """
    if spec.kind == "rtsp":
        asyncio.run(check_rtsp(spec.target, spec.transport or transport, timeout_s))
        return
    if spec.kind == "file":
        opened = container.open_file(spec.target)
    elif spec.kind == "capture":
        opened = open_capture(parse_capture(spec.target))
    else:
        return
    try:
        container.video_stream(opened, spec.label)
    finally:
        container.close(opened)
