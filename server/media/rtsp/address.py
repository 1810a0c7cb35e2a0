"""An RTSP URL taken apart: what is asked for, and with which login."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from server.errors import SourceRefusedError

LOGIN_CURE = "write / as %2F, # as %23 and ? as %3F in a password, and @ as %40 anywhere else"
"""What to tell people whose URL is `is_login_broken`."""

_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}


@dataclass(frozen=True, slots=True)
class RtspAddress:
    """Where a camera is.

    Attributes:
        url: What requests name: without credentials. May hold a query, so it is not shown either.
        label: What people see: without credentials, query and fragment, and without a path that
            holds an @.
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
    def full_url(self) -> str:
        """The URL with the login in it; never to be shown."""
        if not self.has_login:
            return self.url
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return self.url.replace("://", f"://{login}@", 1)

    @property
    def login_needed(self) -> str:
        """What to tell people when the camera wants a login, or another one."""
        if self.has_login:
            return f"{self.label} refused the user name or the password; correct them in the URL"
        return f"{self.label} wants a login; give it as rtsp://USER:PASSWORD@HOST/PATH"


def is_login_broken(parts: SplitResult) -> bool:
    """Whether a password seems to go on behind the host, where it would be shown."""
    return parts.username is None and "@" in parts.path + parts.query + parts.fragment


def parse_address(url: str) -> RtspAddress:
    """Take an `rtsp://` or `rtsps://` URL apart.

    Raises:
        SourceRefusedError: It has no valid host and port, or a password that is not encoded.
    """
    try:
        parts = urlsplit(url)
        if is_login_broken(parts):
            raise SourceRefusedError(f"the RTSP URL's login cannot be read; {LOGIN_CURE}")
        host, port = parts.hostname, parts.port
        if not host or (port is not None and not 0 < port < 65536):
            raise ValueError("no host")
    except ValueError as exc:
        raise SourceRefusedError("the RTSP URL has no valid host and port") from exc
    shown_host = f"[{host}]" if ":" in host else host
    place = shown_host if port is None else f"{shown_host}:{port}"
    # An @ in the path may be the end of a password that holds one itself.
    shown_path = "" if "@" in parts.path else parts.path
    return RtspAddress(
        url=urlunsplit((parts.scheme, place, parts.path, parts.query, "")),
        label=f"{parts.scheme}://{place}{shown_path}",
        host=host,
        port=port or _DEFAULT_PORTS.get(parts.scheme, 554),
        is_tls=parts.scheme == "rtsps",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
