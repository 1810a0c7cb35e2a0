"""The ages of recent masks."""

from __future__ import annotations

import math
from collections import deque

_NS_PER_MS = 1_000_000
_MAX_SAMPLES = 1024


class LatencyWindow:
    """Ages of the masks of the last seconds, at most `_MAX_SAMPLES` of them."""

    def __init__(self, span_s: float = 5.0) -> None:
        """Start empty.

        Args:
            span_s: How far back the window looks.
        """
        self._span_ns = int(span_s * 1e9)
        self._samples: deque[tuple[int, int]] = deque(maxlen=_MAX_SAMPLES)

    def add(self, now_ns: int, age_ns: int) -> None:
        """Note a mask of this age."""
        self._samples.append((now_ns, age_ns))

    def p95_ms(self, now_ns: int) -> float | None:
        """Return the age that 95 of 100 masks did not exceed; None without masks."""
        while self._samples and now_ns - self._samples[0][0] > self._span_ns:
            self._samples.popleft()
        if not self._samples:
            return None
        ages = sorted(age_ns for _, age_ns in self._samples)
        return round(ages[math.ceil(0.95 * len(ages)) - 1] / _NS_PER_MS, 1)
