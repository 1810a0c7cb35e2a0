"""Follows how good the pictures of one stream are."""

from __future__ import annotations

import numpy as np

from server.media.picture_quality import Poor, judge_quality

TOLD_AFTER_S = 0.5


class QualityWatch:
    """Belongs to the thread that decodes the stream.

    Each picture is judged alone; `told` is what people are told, which changes when all pictures of
    `TOLD_AFTER_S` were poor, or all good.
    """

    def __init__(self) -> None:
        self.told: Poor | None = None
        self._differs_since_s: float | None = None

    def restart(self) -> None:
        """Nothing seen before counts."""
        self.told = None
        self._differs_since_s = None

    def take(self, rgb: bytes | memoryview, size: tuple[int, int], time_s: float) -> Poor | None:
        """Judge a picture of (height, width) `size`, rows of red, green, blue; time_s grows."""
        poor = judge_quality(np.frombuffer(rgb, np.uint8).reshape(*size, 3))
        if (poor is None) == (self.told is None):
            self._differs_since_s = None
            return poor
        if self._differs_since_s is None:
            self._differs_since_s = time_s
        if time_s - self._differs_since_s >= TOLD_AFTER_S:
            self.told = poor
            self._differs_since_s = None
        return poor
