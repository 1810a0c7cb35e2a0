"""Many times told in few figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Percentiles:
    """Times of one thing, in milliseconds.

    Attributes:
        count: How many there are.
        p50_ms: Median.
        p95_ms: The smallest time that at least 95 % do not exceed.
        p99_ms: The same for 99 %: of fewer than 100, the largest.
        largest_ms: Maximum.
    """

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    largest_ms: float

    @classmethod
    def of(cls, times_ms: Sequence[float]) -> Percentiles | None:
        """Sum up times; None if there are none."""
        if len(times_ms) == 0:
            return None
        p50, p95, p99 = np.percentile(times_ms, (50, 95, 99), method="inverted_cdf")
        return cls(
            len(times_ms),
            round(float(p50), 2),
            round(float(p95), 2),
            round(float(p99), 2),
            round(float(max(times_ms)), 2),
        )
