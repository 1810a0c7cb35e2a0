"""The figures of one rule, and of many beside each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import gammaincinv

from server.finding_bench.replay import FollowedScene, Telling, tell
from server.findings.persistence import PersistenceRule

GOAL_FALSE_PER_HOUR = 6.0
GOAL_DELAY_MS = 500.0


@dataclass(frozen=True)
class Figures:
    """What one rule does.

    Attributes:
        window_ms: Of the rule; 0 is no filter.
        share: Of the rule.
        false_per_hour: False findings told an hour.
        false_per_hour_at_most: What so short a measurement cannot exclude, 95 of 100 times.
        repeated_per_hour: Findings an hour of polyps that were told before.
        told_per_hour: All findings told an hour.
        polyps: How often a polyp came into sight.
        missed: How often it was not told while it was.
        delay_median_ms: From coming into sight until told, of those told.
        delay_p95_ms: The same, 95 of 100.
        delay_p95_all_ms: The same over all, those missed counted as never; None if it is never.
    """

    window_ms: int
    share: float
    false_per_hour: float
    false_per_hour_at_most: float
    repeated_per_hour: float
    told_per_hour: float
    polyps: int
    missed: int
    delay_median_ms: float | None
    delay_p95_ms: float | None
    delay_p95_all_ms: float | None

    @property
    def meets_goals(self) -> bool:
        """Whether false findings and delay are within the goals."""
        delay_ms = self.delay_p95_ms
        return (
            self.false_per_hour <= GOAL_FALSE_PER_HOUR
            and delay_ms is not None
            and delay_ms <= GOAL_DELAY_MS
        )


def figures_of(
    scenes: Sequence[FollowedScene], rule: PersistenceRule, least_share: float
) -> Figures:
    """Return the figures of a rule over scenes; see `tell`."""
    telling = tell(scenes, rule, least_share)
    told = sorted(delay for delay in telling.delays_ms if delay is not None)
    everything = told + [math.inf] * (len(telling.delays_ms) - len(told))
    return Figures(
        window_ms=rule.window_ms,
        share=rule.share,
        false_per_hour=_per_hour(telling.false, telling),
        false_per_hour_at_most=_per_hour(most_expected(telling.false), telling),
        repeated_per_hour=_per_hour(telling.repeated, telling),
        told_per_hour=_per_hour(telling.told, telling),
        polyps=len(telling.delays_ms),
        missed=len(telling.delays_ms) - len(told),
        delay_median_ms=quantile(told, 0.5),
        delay_p95_ms=quantile(told, 0.95),
        delay_p95_all_ms=quantile(everything, 0.95),
    )


def most_expected(counted: int) -> float:
    """Return the greatest mean of a Poisson count that so small a count does not refute (5 %)."""
    return float(gammaincinv(counted + 1, 0.95))


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value that `share` of them do not exceed; None for none, or for never."""
    if not ordered:
        return None
    value = ordered[max(0, math.ceil(share * len(ordered)) - 1)]
    return None if math.isinf(value) else value


def _per_hour(number: float, telling: Telling) -> float:
    return round(number / telling.hours, 1) if telling.hours else 0.0
