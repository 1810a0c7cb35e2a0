"""What a film shows when, as few stretches: outlines, none, or not looked at and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from server.media.frame import CLOCK_RATE_HZ

StretchState = Literal["polyp", "clear", "not_looked"]

BRIDGED_TICKS = CLOCK_RATE_HZ // 2
"""Outlines that are away for less than this are one stretch."""


@dataclass(frozen=True)
class Stretch:
    """Pictures from `from_pts` up to `to_pts`; `cause` tells why they were not looked at."""

    from_pts: int
    to_pts: int
    state: StretchState
    cause: str = ""


class ReviewTimeline:
    """The stretches of one film, growing at its end."""

    def __init__(self) -> None:
        self._ended: list[Stretch] = []
        self._from = 0
        self._state: tuple[StretchState, str] | None = None
        self._end = 0
        self._clear_since: int | None = None

    @property
    def stretches(self) -> list[Stretch]:
        """All stretches in order, without gaps between them."""
        return self._ended + self._open(self._end)

    def add(self, pts: int, state: StretchState, cause: str = "") -> None:
        """Take the next picture; it counts until the one after it."""
        self._end = pts
        is_clear = state == "clear"
        if self._state is not None and self._state[0] == "polyp" and is_clear:
            if self._clear_since is None:
                self._clear_since = pts
            if pts - self._clear_since < BRIDGED_TICKS:
                return
            self._turn(self._clear_since, (state, cause))
        elif self._state != (state, cause):
            since = self._clear_since
            if since is not None and state != "polyp":
                self._turn(since, ("clear", ""))
            self._turn(pts, (state, cause))
        self._clear_since = None

    def finish(self, end_pts: int) -> None:
        """The film ends there."""
        self._end = max(self._end, end_pts)

    def _turn(self, pts: int, state: tuple[StretchState, str]) -> None:
        self._ended += self._open(pts)
        self._from, self._state = pts, state

    def _open(self, to_pts: int) -> list[Stretch]:
        """Return the last stretch if it ended there."""
        if self._state is None or to_pts <= self._from:
            return []
        return [Stretch(self._from, to_pts, *self._state)]
