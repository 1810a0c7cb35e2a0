"""Whether a request comes from our own page, under a name that is ours.

A service on loopback trusts whoever can connect, so a page of another site must not be able to
make the browser connect. `Origin` unmasks the page; `Host` unmasks a foreign name that was made to
point to 127.0.0.1 (DNS rebinding), under which the page would look like our own.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from server.errors import ForbiddenOriginError
from server.settings import ListenSettings

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def require_own_host(host: str | None, listen: ListenSettings) -> None:
    """Refuse a foreign name, when only this machine can connect.

    Args:
        host: The request's Host header.
        listen: Where the service listens.

    Raises:
        ForbiddenOriginError: The name is neither a loopback one, nor the one listened on, nor one
            of those that the operator told.
    """
    if not listen.is_loopback:
        return
    name = _name_and_port(f"//{host or ''}", 0)[0]
    if name not in _LOOPBACK_NAMES | {listen.host, *(known.lower() for known in listen.names)}:
        raise ForbiddenOriginError(
            "the service is not known by this name; open it as localhost or 127.0.0.1, or add the "
            "name to SALI_LISTEN__NAMES"
        )


def require_own_origin(origin: str | None, host: str | None) -> None:
    """Refuse a page of another site.

    Args:
        origin: The request's Origin header; programs send none and pass.
        host: The request's Host header.

    Raises:
        ForbiddenOriginError: The page's host or port is not the request's.
    """
    if origin is None:
        return
    scheme = origin.partition(":")[0].lower()
    default_port = _DEFAULT_PORTS.get(scheme, 0)
    page = _name_and_port(origin, default_port)
    if not page[0] or page != _name_and_port(f"//{host or ''}", default_port):
        raise ForbiddenOriginError("a page of another site may not use the service")


def _name_and_port(url: str, default_port: int) -> tuple[str, int]:
    """Return host name and port of a URL; an empty name if it cannot be read."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "", parts.port or default_port)
    except ValueError:
        return ("", 0)
