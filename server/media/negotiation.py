"""Answering SDP offers from peers that may send anything."""

from __future__ import annotations

import re
from collections.abc import Callable

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.sdp import SessionDescription

from server.errors import InvalidOfferError, UnsupportedCodecError
from server.media import aiortc_internals

MAX_OFFER_BYTES = 65_536
_MAX_SECTIONS = 6

# What aiortc raises for text that is no usable SDP, as found by feeding it such text; StopIteration
# inside one of its coroutines arrives as RuntimeError.
_PARSER_ERRORS = (
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
    StopIteration,
    InternalError,
    InvalidAccessError,
    InvalidStateError,
)

_SECTION = re.compile(r"^m=(\w+) ", re.MULTILINE)
_CANDIDATE = re.compile(r"^a=candidate:.*(?:\r?\n|$)", re.MULTILINE)
_LOCAL_CANDIDATE = re.compile(
    r"^a=candidate:\S+ \S+ \S+ \S+ \S+\.local .*(?:\r?\n|$)", re.MULTILINE
)
_END_OF_CANDIDATES = re.compile(r"^a=end-of-candidates[ \t]*(?:\r?\n|$)", re.MULTILINE)


def create_peer() -> RTCPeerConnection:
    """Create a connection that asks no outside server for its address (aiortc would)."""
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


def video_codecs(*names: str) -> list[RTCRtpCodecCapability]:
    """Return aiortc's capabilities for codecs by name ("H264", "VP8"), in that order, and RTX."""
    capabilities = RTCRtpReceiver.getCapabilities("video")
    known = capabilities.codecs if capabilities is not None else []
    wanted = [*names, "rtx"]
    return [codec for name in wanted for codec in known if codec.name.lower() == name.lower()]


def clean_offer(sdp: str) -> str:
    """Check an offer's outline and remove what would only cost time.

    Browsers hide local addresses behind `.local` names, whose look-up takes a second; the peer's
    own checks reach us without them.

    Raises:
        InvalidOfferError: Too long, no SDP, or no video in it.
    """
    if len(sdp.encode("utf-8", "replace")) > MAX_OFFER_BYTES:
        raise InvalidOfferError(f"the offer is longer than {MAX_OFFER_BYTES} bytes")
    sections = _SECTION.findall(sdp)
    if not sdp.startswith("v=0"):
        raise InvalidOfferError("the body is not SDP; send the offer as it is, as application/sdp")
    if "video" not in sections:
        raise InvalidOfferError("the offer has no video section")
    if len(sections) > _MAX_SECTIONS or not set(sections) <= {"audio", "video"}:
        raise InvalidOfferError("the offer asks for more than video and audio")
    sdp = _LOCAL_CANDIDATE.sub("", sdp)
    if _CANDIDATE.search(sdp) is None:
        # "No more candidates" of none at all would end the attempt at once.
        sdp = _END_OF_CANDIDATES.sub("", sdp)
    return sdp


async def answer_offer(
    peer: RTCPeerConnection, offer_sdp: str, *, before_start: Callable[[], None]
) -> str:
    """Answer an offer with the one video transceiver that `peer` already has.

    Sections beyond that one are answered as inactive. All our candidates are in the answer.

    Args:
        peer: With its video transceiver, direction and codec preferences set.
        offer_sdp: The peer's offer.
        before_start: Called when the offer is understood and before any media can flow.

    Raises:
        InvalidOfferError: The offer cannot be used.
        UnsupportedCodecError: It has no video codec in common with us.
    """
    ours = peer.getTransceivers()[0]
    offer = clean_offer(offer_sdp)
    try:
        offered = SessionDescription.parse(offer)
        _check_bundle(offered)
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        for transceiver in peer.getTransceivers():
            if transceiver is not ours:
                transceiver.direction = "inactive"
        if all(section.dtls is None or section.dtls.role != "server" for section in offered.media):
            aiortc_internals.take_dtls_server_role(peer)
        before_start()
        await peer.setLocalDescription(await peer.createAnswer())
    except OperationError as exc:
        raise UnsupportedCodecError(
            "the offer has no video codec in common with this stream"
            " (H.264 constrained baseline or VP8)"
        ) from exc
    except _PARSER_ERRORS as exc:
        raise InvalidOfferError("the offer cannot be used: it is not valid WebRTC SDP") from exc
    return peer.localDescription.sdp


def _check_bundle(offer: SessionDescription) -> None:
    """Refuse bundles of sections that are not there: aiortc would lose its transports over them."""
    names = [section.rtp.muxId for section in offer.media]
    bundled = [name for group in offer.group if group.semantic == "BUNDLE" for name in group.items]
    if len(set(names)) < len(names) or not set(bundled) <= set(names):
        raise InvalidOfferError("the offer's sections and its BUNDLE group do not match")


def ask_for_bitrate(answer_sdp: str, start_kbps: int, min_kbps: int) -> str:
    """Add Chromium's bitrate hints to every video codec of an answer.

    Without them (and without transport-wide feedback, which aiortc lacks) Chromium starts at 300
    kbit/s and 640x360 and takes most of a minute to rise.
    """
    hints = f"x-google-start-bitrate={start_kbps};x-google-min-bitrate={min_kbps}"
    lines = answer_sdp.split("\r\n")
    described = {line.split(" ")[0][7:] for line in lines if line.startswith("a=fmtp:")}
    result: list[str] = []
    for line in lines:
        result.append(line)
        match = re.match(r"a=rtpmap:(\d+) (H264|VP8)/90000", line)
        if match and match[1] not in described:
            result.append(f"a=fmtp:{match[1]} {hints}")
        elif line.startswith("a=fmtp:") and "apt=" not in line:
            result[-1] = f"{line};{hints}"
    return "\r\n".join(result)
