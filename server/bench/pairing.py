"""Which arrival of a picture belongs to which, when pictures come round again and again."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    """Find for each of the first arrivals the nearest other arrival of the same picture.

    Args:
        first: In the order of time.
        later: In any order.
        round_s: Time after which the same number comes again; a pair lies within half of it.
    """
    by_number: defaultdict[int, list[int]] = defaultdict(list)
    for number, at_ns in later:
        by_number[number].append(at_ns)
    for times in by_number.values():
        times.sort()
    reach_ns = round_s * 1e9 / 2
    return [Pair(number, at_ns, _nearest(by_number[number], at_ns, reach_ns))
            for number, at_ns in first]  # fmt: skip


def _nearest(times: list[int], at_ns: int, reach_ns: float) -> int | None:
    index = bisect_left(times, at_ns)
    near = min(times[max(0, index - 1) : index + 1], key=lambda t: abs(t - at_ns), default=None)
    return near if near is not None and abs(near - at_ns) < reach_ns else None
