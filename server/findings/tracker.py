"""Which region of a mask is which region of the masks before: tracks by overlap.

Pure: times are ticks of the session's clock (`pts`), handed in with each mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from server.media.frame import CLOCK_RATE_HZ

Box = tuple[float, float, float, float]
"""[x, y, width, height], pixels."""

MAX_TRACKS = 128
"""Tracks followed at a time, those in sight and those awaited; noise would else grow them."""

_LEAST_OVERLAP = 0.1
_GROWTH_PER_S = 1.0
"""How far boxes grow to each side before they are compared, in box lengths a second since the track
was seen: the camera moves on while nothing is found."""


@dataclass
class Track:
    """One region through time.

    Attributes:
        number: Its name; never given twice by one tracker.
        box: Where it was last.
        seen_pts: When.
    """

    number: int
    box: Box
    seen_pts: int


class Tracker:
    """Joins regions of masks, one mask after the other.

    Regions and tracks are paired so that the sum of their overlaps (intersection over union of
    the boxes) is greatest. A track without a region is awaited for `gap_ms`; the longer, the
    further away it may come back.

    Args:
        gap_ms: How long an identity outlives its last region.
    """

    def __init__(self, gap_ms: int) -> None:
        self._gap_ticks = gap_ms * CLOCK_RATE_HZ // 1000
        self._tracks: list[Track] = []
        self._begun = 0

    @property
    def begun(self) -> int:
        """Tracks begun so far, those before `clear` included."""
        return self._begun

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks that are in sight or awaited."""
        return tuple(self._tracks)

    def clear(self) -> None:
        """Forget every track; their numbers are not used again."""
        self._tracks.clear()

    def follow(self, pts: int, boxes: Sequence[Box]) -> list[Track]:
        """Give each region of a mask its track, a new one where none fits.

        Args:
            pts: Of the mask's frame, later than that of the mask before.
            boxes: Where its regions are.

        Returns:
            One track for each box, in order.
        """
        self._tracks = [t for t in self._tracks if pts - t.seen_pts <= self._gap_ticks]
        if not boxes:
            return []
        chosen = self._pair(pts, boxes)
        followed: list[Track] = []
        for index, box in enumerate(boxes):
            track = chosen.get(index) or self._begin(box, pts)
            track.box, track.seen_pts = box, pts
            followed.append(track)
        self._bound()
        return followed

    def _pair(self, pts: int, boxes: Sequence[Box]) -> dict[int, Track]:
        """Return the track of each box that has one."""
        if not self._tracks:
            return {}
        gaps_s = np.array([(pts - t.seen_pts) / CLOCK_RATE_HZ for t in self._tracks])
        overlap = _overlaps(
            _grown(np.array([t.box for t in self._tracks])[:, None], gaps_s[:, None, None]),
            _grown(np.array(boxes)[None], gaps_s[:, None, None]),
        )
        pairs = zip(*linear_sum_assignment(overlap, maximize=True), strict=True)
        return {
            int(column): self._tracks[row]
            for row, column in pairs
            if overlap[row, column] >= _LEAST_OVERLAP
        }

    def _begin(self, box: Box, pts: int) -> Track:
        """Start a track."""
        self._begun += 1
        track = Track(self._begun, box, pts)
        self._tracks.append(track)
        return track

    def _bound(self) -> None:
        """Let those go that were not seen for longest."""
        excess = len(self._tracks) - MAX_TRACKS
        if excess > 0:
            self._tracks.sort(key=lambda track: (track.seen_pts, track.number))
            del self._tracks[:excess]


def _grown(boxes: NDArray[np.float64], gaps_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Grow boxes [..., 4] to each side, by their own lengths."""
    margin = boxes[..., 2:] * (_GROWTH_PER_S * gaps_s)
    sides = np.broadcast_to(boxes[..., 2:], margin.shape)
    return np.concatenate((boxes[..., :2] - margin, sides + 2 * margin), axis=-1)


def _overlaps(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intersection over union [N, M] of boxes [N, M, 4], or [N, 1, 4] and so on."""
    ends = np.minimum(one[..., :2] + one[..., 2:], other[..., :2] + other[..., 2:])
    shared = np.clip(ends - np.maximum(one[..., :2], other[..., :2]), 0, None).prod(axis=-1)
    areas = one[..., 2:].prod(axis=-1) + other[..., 2:].prod(axis=-1)
    overlaps: NDArray[np.float64] = shared / (areas - shared)
    return overlaps
