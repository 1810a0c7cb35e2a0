"""H.264 pictures out of RTP packets (RFC 3550, RFC 6184) that come in order, as over TCP.

A picture is complete at its marker bit. Some encoders set that bit on every NAL unit: once one is
caught, its pictures end where the timestamp changes.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_PICTURE_BYTES = 8 << 20
"""No coded picture that we decode is as large."""

_MAX_PIECES = 20_000
_START_CODE = b"\x00\x00\x00\x01"
_STAP_A = 24
_FU_A = 28
_SLICES = range(1, 6)


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """What matters of an RTP packet."""

    payload_type: int
    sequence_number: int
    timestamp: int
    is_marked: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture in Annex B, with its 32-bit RTP timestamp."""

    payload: bytes
    timestamp: int


def parse_rtp(packet: bytes) -> RtpPacket | None:
    """Read a packet; None if it is no RTP (RFC 3550 section 5.1)."""
    if len(packet) < 12 or packet[0] >> 6 != 2:
        return None
    start = 12 + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        if len(packet) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    end = len(packet) - (packet[-1] if packet[0] & 0x20 else 0)
    if start > end:
        return None
    return RtpPacket(
        payload_type=packet[1] & 0x7F,
        sequence_number=int.from_bytes(packet[2:4], "big"),
        timestamp=int.from_bytes(packet[4:8], "big"),
        is_marked=bool(packet[1] & 0x80),
        payload=packet[start:end],
    )


class H264Depacketizer:
    """Joins the packets of one RTP stream to pictures; pictures with a missing packet are left out.

    Attributes:
        lost: Pictures left out so far.
        trusts_marker: Whether pictures end at the marker bit.
    """

    def __init__(self) -> None:
        self.lost = 0
        self.trusts_marker = True
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._timestamp: int | None = None
        self._given: int | None = None
        self._next: int | None = None
        self._has_slice = False
        self._is_broken = False
        self._is_in_fragment = False

    def add(self, packet: RtpPacket) -> AccessUnit | None:
        """Take a packet; returns the picture that is complete with it, if one is."""
        has_gap = self._next is not None and packet.sequence_number != self._next
        self._next = (packet.sequence_number + 1) & 0xFFFF
        before = None
        if packet.timestamp != self._timestamp:
            # What is missing may be the end of the last picture, the beginning of this one or both.
            self._is_broken = self._is_broken or (has_gap and bool(self._pieces))
            before = self._finish()
            self._timestamp = packet.timestamp
        if has_gap:
            self._is_broken = True
            self._is_in_fragment = False
        self._take(packet.payload)
        if self._has_slice and packet.timestamp == self._given:
            # More of a picture that was given out at its marker: the marker does not end pictures.
            self.trusts_marker = False
            self._is_broken = True
        if before is not None:
            return before
        if packet.is_marked and self.trusts_marker and self._has_slice:
            return self._finish()
        return None

    def _finish(self) -> AccessUnit | None:
        """Give out what was joined, unless some of it is missing."""
        payload = b"".join(self._pieces)
        is_whole = self._has_slice and not self._is_broken and not self._is_in_fragment
        unit = None
        if is_whole and self._timestamp is not None:
            unit = AccessUnit(payload, self._timestamp)
            self._given = self._timestamp
        elif self._is_broken or self._is_in_fragment:
            self.lost += 1
        self._pieces.clear()
        self._bytes = 0
        self._has_slice = self._is_broken = self._is_in_fragment = False
        return unit

    def _take(self, payload: bytes) -> None:
        """Take the payload of a packet apart (RFC 6184 section 5.2)."""
        if not payload:
            return
        kind = payload[0] & 0x1F
        if 1 <= kind < _STAP_A:
            self._add_unit(payload)
        elif kind == _STAP_A:
            self._take_aggregate(payload)
        elif kind == _FU_A:
            self._take_fragment(payload)
        else:
            self._is_broken = True

    def _take_aggregate(self, payload: bytes) -> None:
        position = 1
        while position + 2 <= len(payload):
            size = int.from_bytes(payload[position : position + 2], "big")
            unit = payload[position + 2 : position + 2 + size]
            if len(unit) < size:
                self._is_broken = True
                return
            if unit:
                self._add_unit(unit)
            position += 2 + size

    def _take_fragment(self, payload: bytes) -> None:
        if len(payload) < 2:
            self._is_broken = True
            return
        is_first, is_last = bool(payload[1] & 0x80), bool(payload[1] & 0x40)
        if is_first:
            self._is_broken = self._is_broken or self._is_in_fragment
            header = bytes([payload[0] & 0xE0 | payload[1] & 0x1F])
            self._add_unit(header + payload[2:])
        elif self._is_in_fragment:
            self._append(payload[2:])
        else:
            self._is_broken = True
        self._is_in_fragment = not is_last and (is_first or self._is_in_fragment)

    def _add_unit(self, unit: bytes) -> None:
        self._has_slice = self._has_slice or unit[0] & 0x1F in _SLICES
        self._append(_START_CODE + unit)

    def _append(self, piece: bytes) -> None:
        self._bytes += len(piece)
        if self._bytes > MAX_PICTURE_BYTES or len(self._pieces) >= _MAX_PIECES:
            self._is_broken = True
            self._pieces.clear()
            return
        self._pieces.append(piece)
