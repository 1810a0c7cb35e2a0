"""How many pictures a second a stream has."""

from __future__ import annotations

from server.media.frame import CLOCK_RATE_HZ

_PICTURES_MEASURED = 25


class FrameRate:
    """The frame rate as the source tells it, or measured over the first second or so.

    Attributes:
        fps: None until it is known.
    """

    def __init__(self, told: float | None) -> None:
        self.fps = told
        self._first_pts: int | None = None
        self._frames = 0

    def add(self, pts: int) -> None:
        """Count a picture, unless the rate is known."""
        if self.fps is not None:
            return
        if self._first_pts is None:
            self._first_pts = pts
            return
        self._frames += 1
        if self._frames >= _PICTURES_MEASURED and pts > self._first_pts:
            self.fps = round(self._frames * CLOCK_RATE_HZ / (pts - self._first_pts), 2)
