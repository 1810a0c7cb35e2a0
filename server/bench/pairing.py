"""Which arrival of a picture belongs to which, when pictures come round again and again."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MOST_SOONER_S = 1.0

Arrival = tuple[int, int]
"""A picture's number within the round, and a monotonic time in nanoseconds."""


@dataclass(frozen=True)
class Pair:
    """The same picture, seen twice; `later_ns` is None if it was not seen a second time."""

    number: int
    first_ns: int
    later_ns: int | None

    @property
    def delay_ms(self) -> float | None:
        """By how much the second came later; below zero if it came sooner."""
        return None if self.later_ns is None else (self.later_ns - self.first_ns) / 1e6


def pair_up(first: Sequence[Arrival], later: Iterable[Arrival], round_s: float) -> list[Pair]:
    """Find for each of the first arrivals the other arrival of the same picture.

    Args:
        first: In the order of time.
        later: In any order.
        round_s: Time after which the same number comes again. The other arrival is at most a
            quarter of it (and a second) sooner, and less than the rest of it later.
    """
    by_number: defaultdict[int, list[int]] = defaultdict(list)
    for number, at_ns in later:
        by_number[number].append(at_ns)
    for times in by_number.values():
        times.sort()
    sooner_ns = round(min(_MOST_SOONER_S, round_s / 4) * 1e9)
    later_ns = round(round_s * 1e9) - sooner_ns
    return [
        Pair(number, at_ns, _between(by_number[number], at_ns - sooner_ns, at_ns + later_ns))
        for number, at_ns in first
    ]


def _between(times: list[int], begin_ns: int, end_ns: int) -> int | None:
    """The first of these times from one moment on and before another."""
    index = bisect_left(times, begin_ns)
    return times[index] if index < len(times) and times[index] < end_ns else None
