"""When a region has been there long enough to be told: persistence over k of n frames, in time.

Pure: times are ticks of the session's clock (`pts`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

from server.media.frame import CLOCK_RATE_HZ

DOUBT_FACTOR = 4
"""How much longer a region must last whose looks are doubtful (`Judge`)."""

SURE_FACTOR = 4
"""How much more a sure look counts."""

_LONGEST_LOOK_TICKS = CLOCK_RATE_HZ // 4
_ROUNDING_TICKS = CLOCK_RATE_HZ // 500
_MAX_LOOKS = 1024


class Trust(Enum):
    """What a look at a region is worth."""

    DOUBTFUL = "doubtful"
    """Such looks confirm only by lasting `DOUBT_FACTOR` times as long."""
    ORDINARY = "ordinary"
    SURE = "sure"
    """Counts `SURE_FACTOR` times."""


@dataclass(frozen=True)
class PersistenceRule:
    """Found in `share` of the last `window_ms`: 0.66 of 240 ms is 4 of 6 frames at 25 a second.

    The default is 6 of 6, or 2 sure ones; docs/findings.md tells what it was chosen by.

    Attributes:
        window_ms: How far back it looks; 0 confirms everything at once.
        share: How much of that time a region must have been found.
    """

    window_ms: int = 240
    share: float = 0.9


@dataclass(frozen=True)
class Look:
    """One mask, looked at with a rule.

    Attributes:
        pts: Of its frame.
        elapsed_ticks: The time since the look before, a quarter of a second at most.
        ticks: The time it stands for as evidence.
        sure_ticks: As `ticks`, where it is sure.
        since_pts: Looks from then on count; two at least, however slowly they come.
        needed_ticks: How much of that time confirms.
        long_since_pts: As `since_pts`, for a window `DOUBT_FACTOR` times as long.
        long_needed_ticks: As `needed_ticks`, for that window.
    """

    pts: int
    elapsed_ticks: int
    ticks: int
    sure_ticks: int
    since_pts: int
    needed_ticks: int
    long_since_pts: int
    long_needed_ticks: int


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
        needed = round(rule.share * window)
        begin, long_begin = (pts - max(times * window, 1) + 1 for times in (1, DOUBT_FACTOR))
        if last is not None:
            begin, long_begin = min(begin, last), min(long_begin, last)
        elapsed = 0 if last is None else pts - last
        return Look(
            pts=pts,
            elapsed_ticks=min(elapsed, _LONGEST_LOOK_TICKS),
            ticks=min(elapsed, window // 2),
            sure_ticks=min(SURE_FACTOR * elapsed, window // 2),
            since_pts=begin,
            needed_ticks=needed - _ROUNDING_TICKS,
            long_since_pts=long_begin,
            long_needed_ticks=DOUBT_FACTOR * needed - _ROUNDING_TICKS,
        )


class Evidence:
    """The looks at which one track was found.

    Invariant: holds looks of the last (long) window only, `_MAX_LOOKS` at most.
    """

    def __init__(self) -> None:
        self._found: deque[tuple[Look, Trust]] = deque(maxlen=_MAX_LOOKS)
        self._is_confirmed = False

    @property
    def is_confirmed(self) -> bool:
        """Whether the track was ever found for long enough; that is not taken back."""
        return self._is_confirmed

    def add(self, look: Look, trust: Trust = Trust.ORDINARY) -> bool:
        """Note that the track was found.

        Returns:
            Whether this is what confirmed it.
        """
        if self._is_confirmed:
            return False
        self._found.append((look, trust))
        while self._found[0][0].pts < look.long_since_pts:
            self._found.popleft()
        long = sum(found.ticks for found, _ in self._found)
        short = sum(
            found.sure_ticks if trusted is Trust.SURE else found.ticks
            for found, trusted in self._found
            if trusted is not Trust.DOUBTFUL and found.pts >= look.since_pts
        )
        is_enough = short >= look.needed_ticks and trust is not Trust.DOUBTFUL
        self._is_confirmed = is_enough or long >= look.long_needed_ticks
        return self._is_confirmed
