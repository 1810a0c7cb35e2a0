"""What a session's video comes from: the text people write, and whether it can work at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from server.errors import SourceRefusedError
from server.media import container

SourceKind = Literal["demo", "file", "rtsp", "whip"]

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)://")
_OPEN_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Where video comes from.

    Attributes:
        kind: Which source reads it.
        target: Path of the file or URL of the camera (may hold credentials: never show it); empty
            for "demo" and "whip".
        loop: Whether a file starts again when it ends.
    """

    kind: SourceKind
    target: str = ""
    loop: bool = False

    @property
    def label(self) -> str:
        """A name for people; holds neither credentials nor a query."""
        match self.kind:
            case "demo":
                return "phantom"
            case "whip":
                return "publisher"
            case "file":
                return Path(self.target).name
            case "rtsp":
                return redact_url(self.target)


def parse_source(text: str, loop: bool = False) -> SourceSpec:
    """Read a source as people write it: `demo`, `whip`, a path, `rtsp://...` or `rtsps://...`.

    Raises:
        SourceRefusedError: The text is empty, names an unsupported scheme, or is not a valid URL.
    """
    text = text.strip()
    if not text:
        raise SourceRefusedError("no source given; use demo, whip, a file or an rtsp:// URL")
    if "\x00" in text or "\n" in text:
        raise SourceRefusedError("the source holds a line break or a zero byte")
    if text in ("demo", "whip"):
        return SourceSpec(kind="demo" if text == "demo" else "whip")
    scheme = _SCHEME.match(text)
    if scheme is None:
        return SourceSpec(kind="file", target=str(Path(text).expanduser().absolute()), loop=loop)
    if scheme[1].lower() not in ("rtsp", "rtsps"):
        raise SourceRefusedError(
            f"{scheme[1].lower()}:// sources are not supported; use rtsp://, rtsps:// or a file"
        )
    _split_url(text)
    return SourceSpec(kind="rtsp", target=text)


def redact_url(url: str) -> str:
    """Return an RTSP URL without user, password, query and fragment."""
    parts = _split_url(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def check_source(spec: SourceSpec) -> None:
    """Find out now, in at most some seconds, whether a source can deliver video. Blocks.

    `demo` and `whip` sources always pass: there is nothing to reach yet.

    Raises:
        SourceUnreachableError: No such file, or nothing answers at the URL.
        SourceRefusedError: The server said no (wrong path, login needed).
        UnsupportedCodecError: There is video, in a form that cannot be decoded.
        SourceError: There is no video in it.
    """
    if spec.kind == "file":
        opened = container.open_file(spec.target)
    elif spec.kind == "rtsp":
        opened = container.open_rtsp(spec.target, redact_url(spec.target), _OPEN_TIMEOUT_S)
    else:
        return
    try:
        container.video_stream(opened, spec.label)
    finally:
        container.close(opened)


def _split_url(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if not parts.hostname or (parts.port is not None and not 0 < parts.port < 65536):
            raise ValueError("no host")
    except ValueError as exc:
        raise SourceRefusedError("the RTSP URL has no valid host and port") from exc
    return parts
