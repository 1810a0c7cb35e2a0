"""Times of repeated calls, and how they are told in few figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from sali_core.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True)
class Spread:
    """Times of one thing, in milliseconds.

    Attributes:
        count: How often it was measured.
        p50_ms: Median.
        p99_ms: The smallest time that at least 99 % do not exceed: of fewer than 100, the largest.
        least_ms: Minimum; on a busy machine the figure nearest to the machine's own.
    """

    count: int
    p50_ms: float
    p99_ms: float
    least_ms: float

    @classmethod
    def of(cls, times_ms: Sequence[float]) -> Spread:
        """Sum up times.

        Raises:
            ConfigError: There are none.
        """
        if not times_ms:
            raise ConfigError("nothing was measured: allow more frames or more time")
        p99 = float(np.percentile(times_ms, 99, method="inverted_cdf"))
        return cls(
            len(times_ms),
            round(float(np.median(times_ms)), 3),
            round(p99, 3),
            round(min(times_ms), 3),
        )


def wait_for(device: torch.device) -> None:
    """Wait until a device has done what it was given: GPUs work behind the caller's back."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(function: Callable[[], T], device: torch.device) -> tuple[T, float]:
    """Call once; return the result and the time it took, in ms, device work included."""
    wait_for(device)
    begin = time.perf_counter()
    result = function()
    wait_for(device)
    return result, (time.perf_counter() - begin) * 1e3


class Deadline:
    """An amount of wall-clock time that runs out."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._end = clock() + seconds

    @property
    def left_s(self) -> float:
        """Seconds left; 0 when it has passed."""
        return max(self._end - self._clock(), 0.0)

    @property
    def has_passed(self) -> bool:
        """Whether no time is left."""
        return self.left_s == 0.0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Put the end off by the time spent inside."""
        begin = self._clock()
        try:
            yield
        finally:
            self._end += self._clock() - begin

    def part(self, share: float) -> Deadline:
        """Return a deadline after a share of the time that is left."""
        return Deadline(self.left_s * share, self._clock)
