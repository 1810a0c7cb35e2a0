from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiortc import RTCPeerConnection

from server.errors import IceRestartError
from server.media import negotiation, trickle


@pytest.fixture
async def answered() -> AsyncIterator[tuple[RTCPeerConnection, str]]:
    """A connection that was offered no candidates, and the user name fragment of the offer."""
    offerer, answerer = negotiation.create_peer(), negotiation.create_peer()
    offerer.addTransceiver("video", "sendonly")
    await offerer.setLocalDescription(await offerer.createOffer())
    offer = offerer.localDescription.sdp
    bare = "".join(
        line
        for line in offer.splitlines(keepends=True)
        if not line.startswith(("a=candidate", "a=end-of-candidates"))
    )
    answerer.addTransceiver("video", "recvonly")
    await negotiation.answer_offer(answerer, bare, before_start=lambda: None)
    yield answerer, trickle.ufrag_of(offer)
    await answerer.close()
    await offerer.close()


def _addresses(peer: RTCPeerConnection) -> list[str]:
    transport = peer.getTransceivers()[0].receiver.transport.transport
    return [candidate.ip for candidate in transport.getRemoteCandidates()]


async def test_candidates_reach_the_connection(answered: tuple[RTCPeerConnection, str]) -> None:
    peer, ufrag = answered
    assert _addresses(peer) == []
    fragment = trickle.parse_fragment(
        f"a=ice-ufrag:{ufrag}\r\nm=audio 9 RTP/AVP 0\r\na=mid:7\r\n"
        "a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\n"
    )
    await trickle.add_candidates(peer, ufrag, fragment)
    assert _addresses(peer) == ["127.0.0.1"]


@pytest.mark.parametrize(
    "candidate",
    [
        "1 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active",
        "1 1 udp 2122260223 0a1b.local 9 typ host",
        "1 1 udp 2122260223 127.0.0.1 port typ host",
        "1",
        "",
        "1 1 udp 1 not-an-address 9 typ host",
    ],
)
async def test_candidates_that_cannot_be_used_are_left_out(
    answered: tuple[RTCPeerConnection, str], candidate: str
) -> None:
    peer, ufrag = answered
    good = "1 1 udp 2122260223 127.0.0.1 9 typ host"
    await trickle.add_candidates(
        peer, ufrag, trickle.TrickleFragment("", (candidate, good), is_end=True)
    )
    assert "127.0.0.1" in _addresses(peer)
    await trickle.add_candidates(peer, ufrag, trickle.TrickleFragment("", (good,), is_end=True))


async def test_another_user_fragment_is_a_restart_and_refused(
    answered: tuple[RTCPeerConnection, str],
) -> None:
    peer, ufrag = answered
    with pytest.raises(IceRestartError):
        await trickle.add_candidates(peer, ufrag, trickle.TrickleFragment("other", (), False))


async def test_a_closed_connection_takes_candidates_in_silence(
    answered: tuple[RTCPeerConnection, str],
) -> None:
    peer, ufrag = answered
    await peer.close()
    good = ("1 1 udp 2122260223 127.0.0.1 9 typ host",)
    await trickle.add_candidates(peer, ufrag, trickle.TrickleFragment("", good, True))
