"""Notices that packets come and no pictures out of them."""

from __future__ import annotations

_HOPELESS_NS = 900_000_000
_HOPELESS_LOSSES = 10
_SILENT_NS = 5_000_000_000
"""Streams without keyframes are decoded without a picture, and without an error, until every part
of the picture was refreshed once."""

_MOST_REORDERED = 20
"""More packets than any decoder keeps before it gives the first picture out."""


class DecodingWatch:
    """Counts what was given to a decoder since the last picture came out of it.

    Pure: the times are those of the packets' arrival, so that a slow machine is not taken for a
    broken stream.
    """

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._packets = 0
        self._losses = 0

    def note_packet(self, arrived_ns: int) -> None:
        """A packet is about to be decoded."""
        if self._since_ns is None:
            self._since_ns = arrived_ns
        self._packets += 1

    def note_loss(self) -> None:
        """It could not be decoded."""
        self._losses += 1

    def note_picture(self) -> None:
        """A picture came out: begin afresh."""
        self._since_ns = None
        self._packets = self._losses = 0

    def is_hopeless(self, now_ns: int) -> bool:
        """Whether what comes is not what it was said to be: about a second of losses alone."""
        if self._since_ns is None or self._packets <= _MOST_REORDERED:
            return False
        waited_ns = now_ns - self._since_ns
        return waited_ns > (_HOPELESS_NS if self._losses >= _HOPELESS_LOSSES else _SILENT_NS)
