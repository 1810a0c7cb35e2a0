"""How long a batch takes, by its size. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping

from server.worker.protocol import StepTime

_RECENT = 8
_NS_PER_MS = 1_000_000


def interpolate(durations: Mapping[int, float], batch: int) -> float:
    """Return the duration for a batch size between those that are known.

    Sizes beyond the largest are reckoned as if they were not computed together at all; sizes below
    the smallest take as long as the smallest.

    Args:
        durations: By batch size, at least one.
        batch: At least 1.
    """
    sizes = sorted(durations)
    if batch <= sizes[0]:
        return durations[sizes[0]]
    if batch > sizes[-1]:
        return durations[sizes[-1]] * batch / sizes[-1]
    index = bisect_left(sizes, batch)
    below, above = sizes[index - 1], sizes[index]
    share = (batch - below) / (above - below)
    return durations[below] + share * (durations[above] - durations[below])


class StepTimes:
    """Durations of the last batches of each size, from picture taken to masks sent.

    The shortest of them is what a batch is expected to take, so that one slow batch gives nothing
    up that could still be in time.
    """

    def __init__(self, measured: Iterable[StepTime] = ()) -> None:
        """Start with what was measured, if anything was."""
        self._recent: dict[int, deque[int]] = {}
        for time in measured:
            self.observe(time.batch, int((time.step_ms + time.finish_ms) * _NS_PER_MS))

    def observe(self, batch: int, duration_ns: int) -> None:
        """Note how long a batch took."""
        self._recent.setdefault(batch, deque(maxlen=_RECENT)).append(duration_ns)

    def expected_ns(self, batch: int) -> int:
        """Return what a batch of this size takes at least; 0 while nothing is known."""
        if not self._recent:
            return 0
        shortest = {size: float(min(times)) for size, times in self._recent.items()}
        return int(interpolate(shortest, batch))
