from __future__ import annotations

from types import SimpleNamespace

import aioice.ice
import aiortc
import pytest
from aiortc import RTCPeerConnection
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, unpack_header_extensions

from server.media import aiortc_internals, negotiation
from server.media.frame_assembler import RtpFrame


@pytest.fixture
async def peer() -> RTCPeerConnection:
    return negotiation.create_peer()


def test_the_pinned_version_is_installed() -> None:
    assert aiortc.__version__ == aiortc_internals.SUPPORTED_VERSION
    aiortc_internals.check_version()


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiortc, "__version__", "1.17.0")
    with pytest.raises(ImportError, match=r"1\.17\.0 is installed"):
        aiortc_internals.check_version()


async def test_a_sender_tells_what_it_has_sent(peer: RTCPeerConnection) -> None:
    sender = peer.addTransceiver("video", "sendonly").sender
    assert aiortc_internals.sent_state(sender) == (0, 0)
    await peer.close()


async def test_the_senders_hook_for_lost_pictures_can_be_taken(peer: RTCPeerConnection) -> None:
    sender = peer.addTransceiver("video", "sendonly").sender
    calls: list[str] = []
    aiortc_internals.on_keyframe_request(sender, lambda: calls.append("lost"))
    from aiortc.rtp import RTCP_PSFB_PLI, RtcpPsfbPacket

    await sender._handle_rtcp_packet(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=1, media_ssrc=2))
    assert calls == ["lost"]
    await peer.close()


async def test_packets_ask_to_be_shown_at_once_if_the_viewer_understands(
    peer: RTCPeerConnection,
) -> None:
    sender = peer.addTransceiver("video", "sendonly").sender
    aiortc_internals.ask_for_playout_at_once(sender)
    extensions = vars(sender)["_RTCRtpSender__rtp_header_extensions_map"]
    values = HeaderExtensions(mid="0")
    without = extensions.set(values)
    uri = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
    known = RTCRtpHeaderExtensionParameters(id=6, uri=uri)
    mid = RTCRtpHeaderExtensionParameters(id=1, uri="urn:ietf:params:rtp-hdrext:sdes:mid")
    assert without == (0, b"")
    extensions.configure(RTCRtpParameters(headerExtensions=[mid, known]))
    assert unpack_header_extensions(*extensions.set(values)) == [(1, b"0"), (6, b"\0\0\0")]
    await peer.close()


async def test_a_viewer_that_understands_playout_delay_is_answered_so() -> None:
    viewer, service = negotiation.create_peer(), negotiation.create_peer()
    viewer.addTransceiver("video", "recvonly")
    service.addTransceiver("video", "sendonly")
    await viewer.setLocalDescription(await viewer.createOffer())
    assert "rtp-hdrext/playout-delay" in viewer.localDescription.sdp
    offer = viewer.localDescription.sdp
    for sdp, is_answered in ((offer, True), (_without(offer, "playout-delay"), False)):
        answer = await negotiation.answer_offer(service, sdp, before_start=lambda: None)
        assert ("rtp-hdrext/playout-delay" in answer) is is_answered
        await service.close()
        service = negotiation.create_peer()
        service.addTransceiver("video", "sendonly")
    await service.close()
    await viewer.close()


def _without(sdp: str, text: str) -> str:
    return "".join(line for line in sdp.splitlines(keepends=True) if text not in line)


async def test_a_tap_takes_the_receivers_frames(peer: RTCPeerConnection) -> None:
    receiver = peer.addTransceiver("video", "recvonly").receiver
    taken: list[tuple[str, RtpFrame]] = []
    tap = aiortc_internals.ReceiverTap(receiver, lambda codec, frame: taken.append((codec, frame)))
    codecs = vars(receiver)["_RTCRtpReceiver__codecs"]
    codecs[97] = aiortc.RTCRtpCodecParameters(
        mimeType="video/VP8", clockRate=90_000, payloadType=97
    )
    assert tap.request_keyframe() is None
    from aiortc.rtp import RtpPacket

    packet = RtpPacket(payload_type=97, sequence_number=7, timestamp=9, marker=1)
    packet.ssrc = 5
    packet.payload = b"\x10coded"
    await receiver._handle_rtp_packet(packet, arrival_time_ms=0)
    assert taken == [("VP8", RtpFrame(97, 9, b"coded", follows_loss=False))]
    await peer.close()


async def test_we_are_the_dtls_server_where_the_offer_leaves_the_choice(
    peer: RTCPeerConnection,
) -> None:
    transceiver = peer.addTransceiver("video", "recvonly")
    assert transceiver.receiver.transport._role == "auto"
    aiortc_internals.take_dtls_server_role(peer)
    assert transceiver.receiver.transport._role == "server"
    await peer.close()


def test_loopback_is_offered_only_on_a_machine_without_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def address(ip: str) -> SimpleNamespace:
        return SimpleNamespace(ips=[SimpleNamespace(ip=ip)])

    adapters = [address("127.0.0.1")]
    monkeypatch.setattr(aioice.ice.ifaddr, "get_adapters", lambda: adapters)
    find = aioice.ice.get_host_addresses
    assert find(use_ipv4=True, use_ipv6=False) == ["127.0.0.1"]
    adapters.append(address("192.0.2.7"))
    assert find(use_ipv4=True, use_ipv6=False) == ["192.0.2.7"]
