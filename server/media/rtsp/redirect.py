"""Following a server that sends us to another address (RFC 2326 section 11.3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from server.errors import SourceRefusedError
from server.media.rtsp.address import RtspAddress, parse_address

_MAX_REDIRECTS = 5


class RedirectError(Exception):
    """The server sends us to another address; `location` is what it says."""

    def __init__(self, location: str) -> None:
        super().__init__("the server sends us to another address")
        self.location = location


async def follow_redirects(
    address: RtspAddress, attempt: Callable[[RtspAddress], Awaitable[None]]
) -> None:
    """Make an attempt, and make it again wherever the server sends us.

    Args:
        address: Where to begin.
        attempt: Connects to an address; raises `RedirectError` if it is sent on.

    Raises:
        SourceRefusedError: It goes on for too long, or to an address that cannot be used.
    """
    label = address.label
    for _ in range(_MAX_REDIRECTS + 1):
        try:
            await attempt(address)
        except RedirectError as redirect:
            address = redirected(address, redirect.location)
        else:
            return
    raise SourceRefusedError(f"{label} sends us from one address to the next, again and again")


def redirected(address: RtspAddress, location: str) -> RtspAddress:
    """Return the address that a server sends us to.

    The login goes along to the same host only: what a camera answers must not make us tell it to
    somebody else.

    Raises:
        SourceRefusedError: It is no RTSP address.
    """
    if not location.lower().startswith(("rtsp://", "rtsps://")):
        raise SourceRefusedError(f"{address.label} sends us to what is no RTSP address")
    try:
        there = parse_address(location)
    except SourceRefusedError as exc:
        raise SourceRefusedError(
            f"{address.label} sends us to an address that cannot be read"
        ) from exc
    is_safe = there.host == address.host and there.is_tls >= address.is_tls
    if there.has_login or not is_safe:
        return there
    return replace(there, user=address.user, password=address.password)
