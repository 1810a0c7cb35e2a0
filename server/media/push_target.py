"""Where a stream is pushed to: the text people write, and what of it may be shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from server.errors import PushRefusedError
from server.media.frame import Overlay
from server.media.rtsp.address import LOGIN_CURE, is_login_broken, parse_address

_FORMATS = {
    "rtsp": "rtsp",
    "rtsps": "rtsp",
    "rtmp": "flv",
    "rtmps": "flv",
    "srt": "mpegts",
}
_MOST_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class PushTarget:
    """Where to push, and which stream.

    Attributes:
        url: With credentials, if any: never show it.
        overlay: With masks burned in, or clean.
    """

    url: str = field(repr=False)
    overlay: Overlay

    @property
    def container(self) -> str:
        """FFmpeg's name of the container that this kind of URL takes."""
        return _FORMATS[urlsplit(self.url).scheme.lower()]

    @property
    def label(self) -> str:
        """A name for people, without login, query or, for RTMP, the stream's key."""
        shown = parse_address(self.url).label
        if self.container == "flv" and urlsplit(shown).path.strip("/"):
            return f"{shown.rpartition('/')[0]}/..."
        return shown


def parse_push(url: str, overlay: Overlay) -> PushTarget:
    """Read where to push, as people write it.

    Raises:
        PushRefusedError: It is no `rtsp://`, `rtmp://` or `srt://` URL with a host; the message
            shows nothing of it.
    """
    url = url.strip()
    if len(url) > _MOST_CHARACTERS or not url.isprintable():
        raise PushRefusedError("the URL to push to is too long or holds control characters")
    try:
        parts = urlsplit(url)
        if is_login_broken(parts):
            raise PushRefusedError(f"the login of the URL to push to cannot be read; {LOGIN_CURE}")
        port = parts.port
    except ValueError as exc:
        raise PushRefusedError("the URL to push to has no valid host and port") from exc
    if parts.scheme.lower() not in _FORMATS:
        raise PushRefusedError("a stream is pushed to an rtsp://, rtmp:// or srt:// URL")
    if not parts.hostname or port == 0:
        raise PushRefusedError("the URL to push to has no valid host and port")
    if parts.scheme.lower() == "srt" and port is None:
        raise PushRefusedError("an srt:// URL needs a port")
    return PushTarget(url, overlay)
