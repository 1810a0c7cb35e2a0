"""RTP packets of H.264 (RFC 3550, RFC 6184), as cameras write them."""

from __future__ import annotations

from server.media import h264

PAYLOAD_TYPE = 96
_MAX_PAYLOAD = 1400
_SSRC = b"\x00\x00\x00\x07"


def split_picture(picture: bytes) -> list[bytes]:
    """Return the RTP payloads of an Annex B picture: single NAL units, large ones as FU-A."""
    payloads: list[bytes] = []
    for unit in h264.iter_nal_units(picture):
        if len(unit) <= _MAX_PAYLOAD:
            payloads.append(unit)
            continue
        pieces = [unit[start : start + _MAX_PAYLOAD] for start in range(1, len(unit), _MAX_PAYLOAD)]
        for index, piece in enumerate(pieces):
            edge = 0x80 * (index == 0) | 0x40 * (index == len(pieces) - 1)
            payloads.append(bytes([unit[0] & 0xE0 | 28, edge | unit[0] & 0x1F]) + piece)
    return payloads


def rtp_packet(
    sequence: int,
    timestamp: int,
    payload: bytes,
    *,
    marker: bool = False,
    payload_type: int = PAYLOAD_TYPE,
) -> bytes:
    """Write one RTP packet."""
    second = payload_type | (0x80 if marker else 0)
    head = bytes([0x80, second]) + (sequence & 0xFFFF).to_bytes(2, "big")
    return head + (timestamp & 0xFFFFFFFF).to_bytes(4, "big") + _SSRC + payload


def packetize(payloads: list[bytes], sequence: int, timestamp: int) -> list[bytes]:
    """Write the packets of one picture, the last of them marked."""
    last = len(payloads) - 1
    return [
        rtp_packet(sequence + index, timestamp, payload, marker=index == last)
        for index, payload in enumerate(payloads)
    ]


def interleaved(channel: int, packet: bytes) -> bytes:
    """Frame a packet for RTP over the RTSP connection (RFC 2326 section 10.12)."""
    return b"$" + bytes([channel]) + len(packet).to_bytes(2, "big") + packet
