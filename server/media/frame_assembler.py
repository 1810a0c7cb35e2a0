"""Coded frames out of RTP packets that come late, twice, out of order or not at all (RFC 3550).

aiortc's own jitter buffer hands a frame out when the next one begins, and waits for a lost packet
until 512 others have come. This one hands a frame out at its marker bit (RFC 6184 section 5.1,
RFC 7741 section 4.1) and gives a lost packet up after `patience_ns`.
"""

from __future__ import annotations

from dataclasses import dataclass

_MAX_WAITING = 1024
_RESTART_DISTANCE = 3000


@dataclass(frozen=True, slots=True)
class RtpPiece:
    """What matters of one RTP packet; `data` is the payload without its packetization header."""

    sequence_number: int
    timestamp: int
    is_last: bool
    payload_type: int
    data: bytes


@dataclass(frozen=True, slots=True)
class RtpFrame:
    """One coded frame.

    Attributes:
        payload_type: Names the codec, as negotiated.
        timestamp: 32-bit RTP timestamp.
        data: The coded bytes.
        follows_loss: A frame before this one is missing.
    """

    payload_type: int
    timestamp: int
    data: bytes
    follows_loss: bool


class FrameAssembler:
    """Puts the pieces of one RTP stream in order and joins them to frames.

    Args:
        patience_ns: How long a missing packet is waited for once later ones are there.
    """

    def __init__(self, patience_ns: int = 150_000_000) -> None:
        self._patience_ns = patience_ns
        self._pieces: dict[int, RtpPiece] = {}
        self._next: int | None = None
        # From `_next` up to here the pieces are there, of one frame, and none ends it: a large
        # keyframe of hundreds of packets is not looked through again with each of them.
        self._looked_to = 0
        self._newest = 0
        self._gap_since_ns: int | None = None
        self._has_lost = False

    def add(self, piece: RtpPiece, now_ns: int) -> list[RtpFrame]:
        """Take a packet; returns the frames that are now complete, in order."""
        number = self._extend(piece.sequence_number)
        if self._next is None or number < self._next - _RESTART_DISTANCE:
            self._pieces.clear()
            self._has_lost = self._has_lost or self._next is not None
            self._next = self._newest = self._looked_to = number
        if number < self._next:
            return []
        self._pieces[number] = piece
        frames = self._take_complete()
        if not self._pieces:
            self._gap_since_ns = None
        elif frames or self._gap_since_ns is None:
            self._gap_since_ns = now_ns
        if self._is_patience_over(now_ns):
            self._skip_gap()
            frames += self._take_complete()
            self._gap_since_ns = now_ns if self._pieces else None
        return frames

    def _is_patience_over(self, now_ns: int) -> bool:
        if self._gap_since_ns is None:
            return False
        has_waited = now_ns - self._gap_since_ns > self._patience_ns
        return (has_waited or len(self._pieces) > _MAX_WAITING) and self._has_gap()

    def _has_gap(self) -> bool:
        """Whether a packet is missing among those that wait."""
        first = self._next or 0
        return bool(self._pieces) and max(self._pieces) - first + 1 > len(self._pieces)

    def _extend(self, sequence_number: int) -> int:
        """Continue the 16-bit sequence number past its wrap."""
        if self._next is None:
            self._newest = sequence_number
        step = (sequence_number - self._newest) & 0xFFFF
        number = self._newest + (step if step < 0x8000 else step - 0x10000)
        self._newest = max(self._newest, number)
        return number

    def _take_complete(self) -> list[RtpFrame]:
        """Remove and join the frames at the front that have all their pieces."""
        frames: list[RtpFrame] = []
        while (end := self._find_end()) is not None:
            first = self._next or 0
            pieces = [self._pieces.pop(number) for number in range(first, end)]
            self._next = end
            data = b"".join(piece.data for piece in pieces)
            if data:
                head = pieces[0]
                frames.append(
                    RtpFrame(head.payload_type, head.timestamp, data, follows_loss=self._has_lost)
                )
                self._has_lost = False
        return frames

    def _find_end(self) -> int | None:
        """Number of the packet behind the front frame, None while that frame is incomplete."""
        first = self._next or 0
        head = self._pieces.get(first)
        if head is None:
            return None
        self._looked_to = max(self._looked_to, first)
        while (piece := self._pieces.get(self._looked_to)) is not None:
            if piece.timestamp != head.timestamp:
                return self._looked_to
            self._looked_to += 1
            if piece.is_last:
                return self._looked_to
        return None

    def _skip_gap(self) -> None:
        """Go on at the first frame that begins behind the first missing packet."""
        self._has_lost = True
        number = self._next or 0
        while number in self._pieces:
            del self._pieces[number]
            number += 1
        # Behind a gap the first pieces may be the tail of a frame that began inside it.
        waiting = sorted(self._pieces)
        before: dict[int, RtpPiece] = {}
        for number in waiting:
            piece, previous = self._pieces[number], before.get(number - 1)
            if previous is not None and (previous.is_last or previous.timestamp != piece.timestamp):
                self._next = number
                return
            before[number] = self._pieces.pop(number)
        self._next = (waiting[-1] if waiting else number) + 1
