"""The private parts of aiortc 1.16.0 that we cannot do without; nothing else may touch them.

`check_version` and the tests of this module fail when another version, or other parts, are found.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import aioice.ice
import aiortc
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCRtpSender
from aiortc.codecs import HEADER_EXTENSIONS
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import (
    HeaderExtensions,
    HeaderExtensionsMap,
    pack_header_extensions,
    unpack_header_extensions,
)

from server.media.frame_assembler import FrameAssembler, RtpFrame, RtpPiece

SUPPORTED_VERSION = "1.16.0"

_JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"
_CODECS = "_RTCRtpReceiver__codecs"
_RTP_TIMESTAMP = "_RTCRtpSender__rtp_timestamp"
_PACKET_COUNT = "_RTCRtpSender__packet_count"
_SENT_EXTENSIONS = "_RTCRtpSender__rtp_header_extensions_map"
_PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
_AT_ONCE = b"\0\0\0"
"""Twelve bits each: at least 0 ms, at most 0 ms."""


def check_version() -> None:
    """Refuse to work with an aiortc whose private parts nobody has looked at.

    Raises:
        ImportError: Another version is installed.
    """
    if aiortc.__version__ != SUPPORTED_VERSION:
        raise ImportError(
            f"aiortc {aiortc.__version__} is installed; this service needs {SUPPORTED_VERSION}"
        )


def use_loopback_when_alone() -> None:
    """Offer 127.0.0.1 on a machine without any other address; aioice would offer nothing."""
    find = aioice.ice.get_host_addresses

    def find_or_loopback(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return find(use_ipv4=use_ipv4, use_ipv6=use_ipv6) or ["127.0.0.1"]

    aioice.ice.get_host_addresses = find_or_loopback


def sent_state(sender: RTCRtpSender) -> tuple[int, int]:
    """Return how many RTP packets a sender has sent, and the RTP timestamp of the last.

    The origin of the timestamps is a local variable of the sender's loop: it can only be learned
    from what left. When a track's `recv` is called, everything it gave before has been sent.
    """
    return int(getattr(sender, _PACKET_COUNT)), int(getattr(sender, _RTP_TIMESTAMP))


def on_keyframe_request(sender: RTCRtpSender, callback: Callable[[], None]) -> None:
    """Call `callback` when the peer reports a lost picture; aiortc only tells its own encoder."""
    if not callable(sender._send_keyframe):
        raise AttributeError("RTCRtpSender._send_keyframe")
    sender._send_keyframe = callback  # type: ignore[method-assign]  # there is no public hook


def negotiate_playout_delay() -> None:
    """Make the playout-delay header extension one of those that are offered and answered."""
    known = HEADER_EXTENSIONS["video"]
    if all(extension.uri != _PLAYOUT_DELAY for extension in known):
        free_id = 1 + max(
            extension.id for extensions in HEADER_EXTENSIONS.values() for extension in extensions
        )
        known.append(RTCRtpHeaderExtensionParameters(id=free_id, uri=_PLAYOUT_DELAY))


class _PlayAtOnce(HeaderExtensionsMap):
    """Adds the playout delay, where the peer knows it, to the extensions of each packet."""

    _id = 0

    def configure(self, parameters: RTCRtpParameters) -> None:
        super().configure(parameters)
        for extension in parameters.headerExtensions:
            if extension.uri == _PLAYOUT_DELAY:
                self._id = extension.id

    def set(self, values: HeaderExtensions) -> tuple[int, bytes]:
        profile, packed = super().set(values)
        if not self._id:
            return profile, packed
        others = unpack_header_extensions(profile, packed)
        return pack_header_extensions([*others, (self._id, _AT_ONCE)])


def ask_for_playout_at_once(sender: RTCRtpSender) -> None:
    """Let the peer show each picture as soon as it is whole, without a jitter buffer's delay.

    Without it Chromium holds every picture back for about as long as the largest takes, and decodes
    at ticks of 1/64 s. To be called before the connection starts.
    """
    if not isinstance(getattr(sender, _SENT_EXTENSIONS), HeaderExtensionsMap):
        raise AttributeError(_SENT_EXTENSIONS)
    setattr(sender, _SENT_EXTENSIONS, _PlayAtOnce())


def take_dtls_server_role(peer: RTCPeerConnection) -> None:
    """Be the DTLS server wherever the offer leaves the choice.

    As a client aiortc offers ECDSA certificates only, which GStreamer's peers do not have.
    """
    for transceiver in peer.getTransceivers():
        transport = transceiver.receiver.transport
        if transport._role == "auto":
            transport._set_role("server")


class ReceiverTap:
    """Takes a receiver's frames before aiortc queues and decodes them.

    Stands in for the receiver's jitter buffer; `on_frame` is called on the event loop with the
    codec's name ("H264", "VP8") and the frame. To be installed before the connection starts.
    """

    def __init__(self, receiver: RTCRtpReceiver, on_frame: Callable[[str, RtpFrame], None]) -> None:
        if not callable(getattr(receiver, _JITTER_BUFFER).add):
            raise AttributeError(_JITTER_BUFFER)
        self._receiver = receiver
        self._on_frame = on_frame
        self._assembler = FrameAssembler()
        self._ssrc: int | None = None
        setattr(receiver, _JITTER_BUFFER, self)

    def add(self, packet: Any) -> tuple[bool, None]:
        """Take an RTP packet whose payload was unpacked; for aiortc's receiver only.

        Returns:
            Whether aiortc shall report a lost picture (always left to us), and no frame for its
            decoder.
        """
        if packet.ssrc != self._ssrc:
            self._ssrc = packet.ssrc
            self._assembler = FrameAssembler()
        piece = RtpPiece(
            sequence_number=packet.sequence_number,
            timestamp=packet.timestamp,
            is_last=bool(packet.marker),
            payload_type=packet.payload_type,
            data=packet._data,
        )
        codecs = getattr(self._receiver, _CODECS)
        for frame in self._assembler.add(piece, time.monotonic_ns()):
            self._on_frame(codecs[frame.payload_type].name, frame)
        return False, None

    def request_keyframe(self) -> Awaitable[None] | None:
        """Report a lost picture (PLI) to the peer; None while nothing has come from it."""
        if self._ssrc is None:
            return None
        return self._receiver._send_rtcp_pli(self._ssrc)


check_version()
negotiate_playout_delay()
use_loopback_when_alone()
