"""Keeps the picture's region steady: what several looks agree on is believed, not what one saw."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from server.media.picture_finder import Sighting

Edges = tuple[float, float, float, float]

AGREEING_LOOKS = 5
FIRST_DECISION_S = 1.0
_MEMORY_S = 1.5


class RegionTracker:
    """Turns sightings of the picture, in source pixels, into edges that change seldom.

    The first edges are those on which `AGREEING_LOOKS` looks agree, or after `FIRST_DECISION_S`
    the outermost that were seen. Later an edge moves outwards when as many looks in a row saw the
    picture beyond it, and inwards when they all saw a straight line there; in both cases only if
    they agree where. Looks that saw nothing (dark or blank frames) count for neither.

    Args:
        tolerance: Differences up to this across and down are none, source pixels.
    """

    def __init__(self, tolerance: tuple[float, float]) -> None:
        self.edges: Edges | None = None
        self._tolerance = np.array([tolerance[0], tolerance[1]] * 2)
        self._seen: deque[tuple[float, Sighting]] = deque(maxlen=64)
        self._first_s: float | None = None
        # Looks are compared with looks: measured closely, the same edge may lie elsewhere.
        self._seen_at: Edges | None = None

    def add(
        self, time_s: float, sighting: Sighting | None, refine: Callable[[Edges], Edges]
    ) -> bool:
        """Take what a look saw; whether the edges are others now.

        Args:
            time_s: Time of the frame.
            sighting: What was seen in it, in source pixels.
            refine: Measures edges that are about to be taken more closely, in the same frame.
        """
        if sighting is None:
            return False
        first_s = self._first_s = time_s if self._first_s is None else self._first_s
        self._seen.append((time_s, sighting))
        while time_s - self._seen[0][0] > _MEMORY_S:
            self._seen.popleft()
        if self._seen_at is None:
            wanted = self._first_edges(is_over=time_s - first_s >= FIRST_DECISION_S)
        else:
            wanted = self._moved_edges(self._seen_at)
        if wanted is None:
            return False
        self._seen_at = wanted
        self.edges = refine(wanted)
        return True

    def _first_edges(self, *, is_over: bool) -> Edges | None:
        """Return edges that the last looks agree on, at the end of the time the outermost."""
        looks = self._last_looks()
        if looks is not None:
            seen, _ = looks
            if (np.ptp(seen, axis=0) <= self._tolerance).all():
                return _to_edges(np.median(seen, axis=0))
        if not is_over:
            return None
        seen = np.array([sighting.edges for _, sighting in self._seen])
        return _to_edges(np.concatenate((seen[:, :2].min(axis=0), seen[:, 2:].max(axis=0))))

    def _moved_edges(self, edges: Edges) -> Edges | None:
        """Return the edges with those moved that the last looks saw elsewhere; None if none."""
        looks = self._last_looks()
        if looks is None:
            return None
        seen, are_sure = looks
        outwards = np.array([-1.0, -1.0, 1.0, 1.0]) * (seen - np.array(edges))
        agree = np.ptp(seen, axis=0) <= self._tolerance
        are_out = (outwards > self._tolerance).all(axis=0)
        are_in = (outwards < -self._tolerance).all(axis=0)
        moves = agree & (are_out | are_in) & are_sure.all(axis=0)
        if not moves.any():
            return None
        return _to_edges(np.where(moves, np.median(seen, axis=0), np.array(edges)))

    def _last_looks(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]] | None:
        """Return the edges [n, 4] and sureness [n, 4] of the last looks, if there are enough."""
        last = [sighting for _, sighting in self._seen][-AGREEING_LOOKS:]
        if len(last) < AGREEING_LOOKS:
            return None
        return np.array([s.edges for s in last]), np.array([s.are_sure for s in last])


def _to_edges(values: npt.NDArray[np.float64]) -> Edges:
    left, top, right, bottom = (float(value) for value in values)
    return left, top, right, bottom
