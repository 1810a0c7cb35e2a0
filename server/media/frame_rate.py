"""How many pictures a second a stream has."""

from __future__ import annotations

import itertools
import statistics
from collections import deque

from server.media.frame import CLOCK_RATE_HZ

_PICTURES_MEASURED = 25
_WINDOW_TICKS = CLOCK_RATE_HZ
_LEAST_INTERVALS = 5
_CHANGED_SHARE = 0.1


class FrameRate:
    """The frame rate as the source tells it, or measured over the first second or so.

    It is measured again, over the last second, where the pictures come at another rate for more
    than half of that time. The middle distances count, so that lost pictures change nothing.

    Attributes:
        fps: None until it is known.
    """

    def __init__(self, told: float | None) -> None:
        self.fps = told
        self._recent: deque[int] = deque()
        self._first_pts: int | None = None
        self._frames = 0

    def add(self, pts: int) -> None:
        """Count a picture; `pts` in 90 kHz ticks, growing."""
        self._recent.append(pts)
        while pts - self._recent[0] > _WINDOW_TICKS:
            self._recent.popleft()
        if self.fps is None:
            self._measure(pts)
        else:
            self._follow(self.fps)

    def _measure(self, pts: int) -> None:
        if self._first_pts is None:
            self._first_pts = pts
            return
        self._frames += 1
        if self._frames >= _PICTURES_MEASURED and pts > self._first_pts:
            self.fps = round(self._frames * CLOCK_RATE_HZ / (pts - self._first_pts), 2)

    def _follow(self, fps: float) -> None:
        """Take up another rate, once the last second shows it."""
        span = self._recent[-1] - self._recent[0]
        if len(self._recent) <= _LEAST_INTERVALS or span < _WINDOW_TICKS / 2:
            return
        times = list(self._recent)
        steps = sorted(after - before for before, after in itertools.pairwise(times))
        # The middle fifth of them: neither losses nor uneven times reach it.
        middle = steps[2 * len(steps) // 5 : 3 * len(steps) // 5 + 1]
        seen = CLOCK_RATE_HZ / max(1.0, statistics.fmean(middle))
        if abs(seen - fps) > _CHANGED_SHARE * fps:
            self.fps = round(seen, 2)
