"""One clock for a session: any source's timestamps become 90 kHz ticks that never jump back."""

from __future__ import annotations

from fractions import Fraction

from server.media.frame import CLOCK_RATE_HZ

_MAX_STEP = 10 * CLOCK_RATE_HZ
_WRAP = 1 << 32


class Timeline:
    """Maps the timestamps of successive stretches of video onto the session's clock.

    Within a stretch the mapping only shifts, so distances between frames are the source's own. A
    new stretch (another round of a loop, a reconnection, a new publisher) is put behind the last.
    A source whose timestamps leap by more than ten seconds, either way, is put behind itself.
    Owned by one source; not for several threads at once.
    """

    def __init__(self, start: int = 0) -> None:
        self._last = start
        self._shift: int | None = None
        self._next_start = start

    @property
    def last(self) -> int:
        """The greatest pts given out so far, or the start."""
        return self._last

    def begin_stretch(self, gap: int) -> None:
        """Put the next timestamp `gap` ticks (at least 1) behind the last one given out."""
        self._next_start = self._last + max(1, gap)
        self._shift = None

    def map(self, ticks: int, *, decode_ticks: int | None = None) -> int:
        """Return the session pts of a source timestamp, both in 90 kHz ticks.

        Args:
            ticks: The packet's time of presentation.
            decode_ticks: Its time of decoding; the first one anchors the stretch, so that pictures
                shown before the first packet's own stay on this side of the last stretch.
        """
        if self._shift is not None and abs(ticks + self._shift - self._last) > _MAX_STEP:
            self.begin_stretch(CLOCK_RATE_HZ // 25)
        if self._shift is None:
            anchor = ticks if decode_ticks is None else min(ticks, decode_ticks)
            self._shift = self._next_start - anchor
        pts = ticks + self._shift
        self._last = max(self._last, pts)
        return pts


def to_ticks(timestamp: int, time_base: Fraction) -> int:
    """Convert a timestamp to 90 kHz ticks, to the nearest one."""
    return round(timestamp * time_base * CLOCK_RATE_HZ)


class TimestampUnwrapper:
    """Continues 32-bit RTP timestamps past their wrap, in either direction."""

    def __init__(self) -> None:
        self._last: int | None = None

    def unwrap(self, timestamp: int) -> int:
        """Return the 64-bit continuation of `timestamp` nearest to the previous one."""
        if self._last is None:
            self._last = timestamp
        else:
            step = (timestamp - self._last) % _WRAP
            self._last += step if step < _WRAP // 2 else step - _WRAP
        return self._last
