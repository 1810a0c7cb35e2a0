"""An RTSP URL taken apart: what is asked for, and with which login."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

from server.errors import SourceRefusedError

_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}


@dataclass(frozen=True, slots=True)
class RtspAddress:
    """Where a camera is.

    Attributes:
        url: What requests name: without credentials. May hold a query, so it is not shown either.
        label: What people see: without credentials, query and fragment.
        host: Name or address.
        port: TCP port.
        is_tls: Whether the connection is encrypted.
        user: Empty if the URL names none.
        password: Empty if the URL names none.
    """

    url: str = field(repr=False)
    label: str
    host: str
    port: int
    is_tls: bool
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def has_login(self) -> bool:
        """Whether the URL holds a login."""
        return bool(self.user or self.password)

    @property
    def login_needed(self) -> str:
        """What to tell people when the camera wants a login, or another one."""
        if self.has_login:
            return f"{self.label} refused the user name or the password; correct them in the URL"
        return f"{self.label} wants a login; give it as rtsp://USER:PASSWORD@HOST/PATH"


def parse_address(url: str) -> RtspAddress:
    """Take an `rtsp://` or `rtsps://` URL apart.

    Raises:
        SourceRefusedError: It has no valid host and port.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        if not host or (port is not None and not 0 < port < 65536):
            raise ValueError("no host")
    except ValueError as exc:
        raise SourceRefusedError("the RTSP URL has no valid host and port") from exc
    shown_host = f"[{host}]" if ":" in host else host
    place = shown_host if port is None else f"{shown_host}:{port}"
    return RtspAddress(
        url=urlunsplit((parts.scheme, place, parts.path, parts.query, "")),
        label=f"{parts.scheme}://{place}{parts.path}",
        host=host,
        port=port or _DEFAULT_PORTS.get(parts.scheme, 554),
        is_tls=parts.scheme == "rtsps",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
