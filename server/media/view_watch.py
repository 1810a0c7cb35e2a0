"""Follows what the pictures of one stream show: what several of them agree on is believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from server.media.view import View
from server.media.view_glance import Cells, glance

LOOKS_EVERY_S = 0.03
LEAVES_AFTER_S = 0.22
"""People are told within 300 ms, up to two pictures of 25 a second included."""

RETURNS_AFTER_S = 0.1
CHANGES_AFTER_S = 1.0
FORGETS_AFTER_S = 2.0
"""As long as a gap in the video: a blank picture is none."""

_STRIDE = 8
_SAME_LEVELS = 2
_SAME_SHARE = 0.99


@dataclass(frozen=True)
class ViewLimits:
    """What is watched.

    Attributes:
        is_checked: Whether the pictures are looked at; else the view stays `unknown`.
        frozen_after_ms: How long the same picture is repeated before it is `frozen`; 0: never.
        remembers_poor: Whether poor pictures enter the model's memory too.
        tells_instruments: Whether instruments are looked for.
    """

    is_checked: bool = True
    frozen_after_ms: int = 2000
    remembers_poor: bool = False
    tells_instruments: bool = True


class ViewWatch:
    """The view of one stream. Belongs to the thread that decodes it.

    The first picture decides at once. From then on a view without masks must be seen all the time
    for `LEAVES_AFTER_S` before masks are withheld, and one with masks for `RETURNS_AFTER_S` before
    they come back.
    """

    def __init__(self, limits: ViewLimits) -> None:
        self.view = View.UNKNOWN
        self._limits = limits
        self._next_look_s = 0.0
        self._seen = View.UNKNOWN
        self._seen_since_s = 0.0
        self._differs_since_s: float | None = None
        self._view_since_s = 0.0
        self._anchor: Cells | None = None
        self._anchor_s = 0.0
        self._is_forgotten = False

    def restart(self) -> None:
        """Another source begins, or the same after a gap: nothing seen before counts."""
        self.view = self._seen = View.UNKNOWN
        self._differs_since_s = None
        self._anchor = None
        self._next_look_s = 0.0

    def take(self, rgb: bytes | memoryview, size: tuple[int, int], time_s: float) -> bool:
        """Look at a picture, if it is time to; whether the memory must be emptied before it.

        Args:
            rgb: The model's picture, rows of red, green, blue.
            size: Its (height, width).
            time_s: Its time, growing.
        """
        if not self._limits.is_checked or time_s < self._next_look_s:
            return False
        self._next_look_s = time_s + LOOKS_EVERY_S
        pixels = np.frombuffer(rgb, np.uint8).reshape(*size, 3)
        self._judge(
            pixels[_STRIDE // 2 :: _STRIDE, _STRIDE // 2 :: _STRIDE].astype(np.int16), time_s
        )
        return self._must_forget(time_s)

    def _judge(self, cells: Cells, time_s: float) -> None:
        seen = glance(cells)
        if self._is_frozen(cells, time_s) and seen.has_masks:
            seen = View.FROZEN
        if seen is not self._seen:
            self._seen, self._seen_since_s = seen, time_s
        if self.view is View.UNKNOWN:
            self._move(seen, time_s)
            return
        if seen.has_masks == self.view.has_masks:
            self._differs_since_s = None
            hold_s = CHANGES_AFTER_S if seen.has_masks else LEAVES_AFTER_S
            since_s = self._seen_since_s
        else:
            if self._differs_since_s is None:
                self._differs_since_s = time_s
            hold_s = RETURNS_AFTER_S if seen.has_masks else LEAVES_AFTER_S
            since_s = self._differs_since_s
        # A frozen picture has been waited for already.
        if seen is not self.view and (seen is View.FROZEN or time_s - since_s >= hold_s):
            self._move(seen, time_s)

    def _move(self, view: View, time_s: float) -> None:
        self.view, self._view_since_s = view, time_s
        self._differs_since_s = None

    def _is_frozen(self, cells: Cells, time_s: float) -> bool:
        """Whether the same picture has come for too long; noise is no movement, drift is."""
        if not self._limits.frozen_after_ms:
            return False
        if self._anchor is not None and self._anchor.shape == cells.shape:
            is_same = np.abs(cells - self._anchor).max(axis=2) <= _SAME_LEVELS
            if float(is_same.mean()) >= _SAME_SHARE:
                return (time_s - self._anchor_s) * 1e3 >= self._limits.frozen_after_ms
        self._anchor, self._anchor_s = cells, time_s
        return False

    def _must_forget(self, time_s: float) -> bool:
        """Whether this is the moment at which an absence becomes one that ends the memory."""
        if self.view.has_masks:
            self._is_forgotten = False
            return False
        is_long = time_s - self._view_since_s >= FORGETS_AFTER_S
        if self._is_forgotten or not (self.view.ends_memory or is_long):
            return False
        self._is_forgotten = True
        return True
