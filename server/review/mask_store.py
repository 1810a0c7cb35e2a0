"""The masks of one film: written as they are computed, read by time."""

from __future__ import annotations

from array import array
from bisect import bisect_left

from server.masks.message import MaskMessage
from server.review.spool import Spool


class MaskStore:
    """Masks in order of presentation. Appended from one event loop; read in any thread.

    Args:
        spool: Where their text is kept; nothing else is written there.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._pts = array("q")
        self._begins = array("q")

    def __len__(self) -> int:
        return len(self._pts)

    def append(self, mask: MaskMessage) -> None:
        """Keep the mask of a picture later than all before.

        Raises:
            ReviewError: There is no room for it.
        """
        begin = self._spool.append(mask.model_dump_json().encode() + b",")
        self._begins.append(begin)
        self._pts.append(mask.pts)

    def read(self, from_pts: int, to_pts: int) -> bytes:
        """Return the masks of a time as a JSON list."""
        first = bisect_left(self._pts, from_pts)
        last = bisect_left(self._pts, to_pts)
        if first >= last:
            return b"[]"
        end = self._begins[last] if last < len(self._begins) else self._spool.size
        return b"[" + self._spool.read(self._begins[first], end)[:-1] + b"]"
