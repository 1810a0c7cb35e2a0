"""Follows whether an instrument is in the pictures of one stream."""

from __future__ import annotations

import numpy as np

from server.media.instrument import has_instrument

LOOKS_EVERY_S = 0.2
TOLD_AFTER_S = 0.4
GONE_AFTER_S = 1.0


class InstrumentWatch:
    """Belongs to the thread that decodes the stream.

    `told` is what people are told: it begins when an instrument was seen for `TOLD_AFTER_S` in
    every picture looked at, and ends when none was seen for `GONE_AFTER_S`.
    """

    def __init__(self) -> None:
        self.told = False
        self._next_look_s = 0.0
        self._seen_since_s: float | None = None
        self._last_seen_s = 0.0

    def restart(self) -> None:
        """Nothing seen before counts."""
        self.told = False
        self._next_look_s = 0.0
        self._seen_since_s = None

    def take(self, rgb: bytes | memoryview, size: tuple[int, int], time_s: float) -> None:
        """Look at a picture of (height, width) `size`, if it is time to; time_s grows."""
        if time_s < self._next_look_s:
            return
        self._next_look_s = time_s + LOOKS_EVERY_S
        if not has_instrument(np.frombuffer(rgb, np.uint8).reshape(*size, 3)):
            self._seen_since_s = None
            self.told = self.told and time_s - self._last_seen_s < GONE_AFTER_S
            return
        self._last_seen_s = time_s
        if self._seen_since_s is None:
            self._seen_since_s = time_s
        self.told = self.told or time_s - self._seen_since_s >= TOLD_AFTER_S
