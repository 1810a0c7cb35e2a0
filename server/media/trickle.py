"""Candidates that a peer sends after its offer (RFC 9725 section 4.3, RFC 8840).

All of ours are in the answer. ICE restarts are refused, which leaves the connection as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiortc import RTCPeerConnection
from aiortc.exceptions import InvalidStateError
from aiortc.sdp import candidate_from_sdp

from server.errors import (
    EntityTagMismatchError,
    EntityTagMissingError,
    IceRestartError,
    InvalidOfferError,
)

MAX_FRAGMENT_BYTES = 16 * 1024
_MAX_CANDIDATES = 50

_UFRAG = re.compile(r"^a=ice-ufrag:(\S+)", re.MULTILINE)
_CANDIDATE = re.compile(r"^a=candidate:(.*)$", re.MULTILINE)
_END = re.compile(r"^a=end-of-candidates", re.MULTILINE)
_LINE = re.compile(r"^[a-z]=\S.*$")


@dataclass(frozen=True, slots=True)
class TrickleFragment:
    """What a peer tells in one request.

    Attributes:
        ufrag: Its ICE user name fragment; empty if it tells none.
        candidates: Values of its `candidate` attributes.
        is_end: Whether no more will follow.
    """

    ufrag: str
    candidates: tuple[str, ...]
    is_end: bool


def entity_tag(resource_id: str) -> str:
    """Return the strong entity tag of a connection's ICE session; it has one for its whole life."""
    return f'"{resource_id}"'


def require_match(if_match: str | None, resource_id: str) -> None:
    """Check the `If-Match` header of a PATCH.

    Raises:
        EntityTagMissingError: There is none.
        IceRestartError: It is `*`, which asks for a restart.
        EntityTagMismatchError: It names another ICE session.
    """
    if if_match is None:
        raise EntityTagMissingError("a PATCH needs If-Match with the ETag of the 201 answer")
    tags = [tag.strip() for tag in if_match.split(",")]
    if "*" in tags or '"*"' in tags:
        raise IceRestartError("ICE restarts are not supported; DELETE and POST a new offer")
    if entity_tag(resource_id) not in tags:
        raise EntityTagMismatchError("If-Match names another ICE session than this connection's")


def parse_fragment(text: str) -> TrickleFragment:
    """Read an SDP fragment.

    Raises:
        InvalidOfferError: It is none, or has more candidates than any peer.
    """
    lines = text.replace("\r\n", "\n").strip("\n").split("\n")
    if len(text) > MAX_FRAGMENT_BYTES or not all(_LINE.match(line) for line in lines):
        raise InvalidOfferError("the body is no SDP fragment")
    joined = "\n".join(lines)
    candidates = tuple(_CANDIDATE.findall(joined))
    if len(candidates) > _MAX_CANDIDATES:
        raise InvalidOfferError(f"a fragment may have {_MAX_CANDIDATES} candidates")
    return TrickleFragment(ufrag_of(joined), candidates, _END.search(joined) is not None)


def ufrag_of(sdp: str) -> str:
    """Return the first ICE user name fragment in an SDP text, empty if there is none."""
    match = _UFRAG.search(sdp)
    return match[1] if match else ""


async def add_candidates(
    peer: RTCPeerConnection, offered_ufrag: str, fragment: TrickleFragment
) -> None:
    """Give a peer's candidates to its connection; those that cannot be used are left out.

    Args:
        peer: Whose sections are bundled: all candidates are of its one transport.
        offered_ufrag: The user name fragment of its offer.
        fragment: What it told since.

    Raises:
        IceRestartError: The fragment has another user name fragment.
    """
    if fragment.ufrag and fragment.ufrag != offered_ufrag:
        raise IceRestartError("ICE restarts are not supported; DELETE and POST a new offer")
    transport = peer.getTransceivers()[0].receiver.transport.transport
    for text in fragment.candidates:
        try:
            candidate = candidate_from_sdp(text)
            # Browsers hide local addresses behind `.local` names, whose look-up takes a second.
            if candidate.protocol.lower() == "udp" and not candidate.ip.endswith(".local"):
                await transport.addRemoteCandidate(candidate)
        except (ValueError, LookupError, AssertionError, InvalidStateError):
            # RFC 9725 section 4.3.2: a candidate that cannot be used is discarded in silence.
            continue
    if fragment.is_end:
        try:
            await transport.addRemoteCandidate(None)
        except (ValueError, InvalidStateError):
            # It was told before, or the connection is closed.
            return
