"""A film cut into parts that can each be decoded by themselves, for browsers to fetch."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from server.errors import ReviewError, ReviewPartNotFoundError
from server.media.frame import CLOCK_RATE_HZ
from server.review.spool import Spool

SHORTEST_PART_TICKS = CLOCK_RATE_HZ
_LONGEST_PART_TICKS = 40 * CLOCK_RATE_HZ
_LONGEST_PART_BYTES = 128 << 20
_HEADER = struct.Struct("<dII")
"""pts, whether decoding can begin here, and the number of bytes that follow."""


@dataclass(frozen=True)
class FilmPart:
    """Pictures from `from_pts` up to `to_pts`, which belongs to the next part."""

    from_pts: int
    to_pts: int
    begin: int
    end: int


class FilmStore:
    """Parts of a film in order. One thread appends; any thread reads what is finished.

    Args:
        spool: Where the packets are kept.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._parts: list[FilmPart] = []
        self._begin: int | None = None
        self._from_pts = 0
        self._pts: list[int] = []
        self._frames = 0

    @property
    def parts(self) -> tuple[FilmPart, ...]:
        """The finished parts."""
        return tuple(self._parts)

    @property
    def frames(self) -> int:
        """Packets so far."""
        return self._frames

    def append(self, payload: bytes, pts: int, *, can_start: bool) -> None:
        """Take the next packet in decoding order; what comes before the first start is left out.

        Raises:
            ReviewError: There is no room, or no place to begin for too long.
        """
        if self._begin is None:
            if not can_start:
                return
            self._begin, self._from_pts = self._spool.size, pts
        elif can_start and pts - self._from_pts >= SHORTEST_PART_TICKS:
            self._end_part(pts)
        elif (
            pts - self._from_pts > _LONGEST_PART_TICKS
            or self._spool.size - self._begin > _LONGEST_PART_BYTES
        ):
            raise ReviewError(
                "the video has no keyframe for too long; encode it again, for example with "
                "ffmpeg -i IN -c:v libx264 -g 50 OUT.mp4"
            )
        self._spool.append(_HEADER.pack(pts, can_start, len(payload)) + payload)
        self._pts.append(pts)
        self._frames += 1

    def finish(self) -> None:
        """The film has ended."""
        if self._begin is not None and self._pts:
            times = sorted(self._pts)
            step = times[-1] - times[-2] if len(times) > 1 else CLOCK_RATE_HZ // 25
            self._end_part(times[-1] + max(1, step))

    def read(self, number: int) -> bytes:
        """Return the packets of a part; each has a header of 16 bytes (docs/protocol.md).

        Raises:
            ReviewPartNotFoundError: There is no such part, or not yet.
        """
        if not 0 <= number < len(self._parts):
            raise ReviewPartNotFoundError(f"the film has {len(self._parts)} parts so far")
        part = self._parts[number]
        return self._spool.read(part.begin, part.end)

    def _end_part(self, to_pts: int) -> None:
        begin = 0 if self._begin is None else self._begin
        self._parts.append(FilmPart(self._from_pts, to_pts, begin, self._spool.size))
        self._begin, self._from_pts = self._spool.size, to_pts
        self._pts.clear()
