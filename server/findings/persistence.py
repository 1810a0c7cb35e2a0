"""When a region has been there long enough to be told: persistence over k of n frames, in time.

Pure: times are ticks of the session's clock (`pts`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from server.media.frame import CLOCK_RATE_HZ

_ROUNDING_TICKS = CLOCK_RATE_HZ // 500
_MAX_LOOKS = 256


@dataclass(frozen=True)
class PersistenceRule:
    """Found in `share` of the last `window_ms`: 0.66 of 240 ms is 4 of 6 frames at 25 a second.

    Attributes:
        window_ms: How far back it looks; 0 confirms everything at once.
        share: How much of that time a region must have been found.
    """

    window_ms: int = 240
    share: float = 0.66


@dataclass(frozen=True)
class Look:
    """One mask, looked at with a rule.

    Attributes:
        pts: Of its frame.
        ticks: The time it stands for.
        since_pts: Looks from then on count; two at least, however slowly they come.
        needed_ticks: How much of that time confirms.
    """

    pts: int
    ticks: int
    since_pts: int
    needed_ticks: int


class LookTimes:
    """How much time each look at the scene stands for: that since the look before.

    A look stands for half the window at most, so that one alone never confirms anything, and a
    stretch without looks is not taken for one in which something was found.
    """

    def __init__(self) -> None:
        self._last_pts: int | None = None

    def next(self, pts: int, rule: PersistenceRule) -> Look:
        """Return the look at the frame `pts`, later than the last; the first stands for no time."""
        last, self._last_pts = self._last_pts, pts
        window = rule.window_ms * CLOCK_RATE_HZ // 1000
        needed = round(rule.share * window) - _ROUNDING_TICKS
        begin = pts - max(window, 1) + 1
        if last is None:
            return Look(pts, 0, begin, needed)
        return Look(pts, min(pts - last, window // 2), min(begin, last), needed)


class Evidence:
    """The looks at which one track was found.

    Invariant: holds looks of the last window only, `_MAX_LOOKS` at most.
    """

    def __init__(self) -> None:
        self._found: deque[Look] = deque(maxlen=_MAX_LOOKS)
        self._is_confirmed = False

    @property
    def is_confirmed(self) -> bool:
        """Whether the track was ever found for long enough; that is not taken back."""
        return self._is_confirmed

    def add(self, look: Look) -> bool:
        """Note that the track was found; return whether this is what confirmed it."""
        if self._is_confirmed:
            return False
        self._found.append(look)
        while self._found[0].pts < look.since_pts:
            self._found.popleft()
        self._is_confirmed = sum(found.ticks for found in self._found) >= look.needed_ticks
        return self._is_confirmed
