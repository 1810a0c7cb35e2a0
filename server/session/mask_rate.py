"""Compares frames in with masks out, so that a room is told when most frames go without."""

from __future__ import annotations

from collections import deque

_NS_PER_S = 1_000_000_000
_SPAN_NS = 2 * _NS_PER_S
_TOO_FEW = 0.8
_ENOUGH = 0.9
_NOTICED = 2
"""Smallest change of a told number, a second: a text that jitters is not read."""

_MAX_SAMPLES = 1024


class MaskRate:
    """Frames that arrived and masks that were ready in time, over the last two seconds.

    Pure: times are handed in. What it says changes once a second at most.
    """

    def __init__(self) -> None:
        self._frames: deque[tuple[int, int]] = deque(maxlen=_MAX_SAMPLES)
        self._masks: deque[int] = deque(maxlen=_MAX_SAMPLES)
        self._since_ns: int | None = None
        self._judged_ns: int | None = None
        self._shortfall: tuple[int, int] | None = None

    def note_frames(self, now_ns: int, number: int) -> None:
        """So many frames arrived."""
        if self._since_ns is None:
            self._since_ns = now_ns
        self._frames.append((now_ns, number))

    def note_mask(self, now_ns: int) -> None:
        """A mask was ready in time."""
        self._masks.append(now_ns)

    def forget(self) -> None:
        """Begin afresh, as after a pause."""
        self._frames.clear()
        self._masks.clear()
        self._since_ns = self._judged_ns = self._shortfall = None

    def shortfall(self, now_ns: int) -> tuple[int, int] | None:
        """Return (masks, frames) a second while too few frames get a mask; else None.

        It begins at fewer than 8 of 10 and ends at 9 of 10.
        """
        if self._since_ns is None or now_ns - self._since_ns < _SPAN_NS:
            return None
        if self._judged_ns is None or now_ns - self._judged_ns >= _NS_PER_S:
            self._judged_ns = now_ns
            self._shortfall = self._judge(now_ns)
        return self._shortfall

    def _judge(self, now_ns: int) -> tuple[int, int] | None:
        begin_ns = now_ns - _SPAN_NS
        while self._frames and self._frames[0][0] <= begin_ns:
            self._frames.popleft()
        while self._masks and self._masks[0] <= begin_ns:
            self._masks.popleft()
        frames = sum(number for _, number in self._frames)
        masks = len(self._masks)
        told = self._shortfall
        if masks >= (_TOO_FEW if told is None else _ENOUGH) * frames:
            return None
        rates = round(masks * _NS_PER_S / _SPAN_NS), round(frames * _NS_PER_S / _SPAN_NS)
        if told is not None and all(
            abs(a - b) < _NOTICED for a, b in zip(told, rates, strict=True)
        ):
            return told
        return rates
