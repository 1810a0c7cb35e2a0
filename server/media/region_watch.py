"""Says which part of each frame is the endoscopic picture, by looking at some of them."""

from __future__ import annotations

from dataclasses import replace

import av
import numpy as np

from server.media.cropper import Cropper, rgb_rows
from server.media.picture_finder import Sighting, find_picture
from server.media.region import Rectangle, RegionChoice, fit_rectangle
from server.media.region_tracker import Edges, RegionTracker

FIRST_LOOKS_EVERY_S = 0.04
LOOKS_EVERY_S = 0.15
LONGEST_SEARCH_S = 1.0
_CELLS = 44_000
_MARGIN_CELLS = 3
_WORTH_A_CLOSER_LOOK = 1.3


class RegionWatch:
    """Holds the region of one stream of pictures. Belongs to the thread that decodes them.

    In "auto" mode it looks at a small copy of the frame, often until the picture is found, seldom
    afterwards. `region` is None while it is looked for, at most `LONGEST_SEARCH_S`; whoever sends
    pictures on waits that long, so that the frame's borders do not leave with them.
    """

    def __init__(self, choice: RegionChoice) -> None:
        self.region: Rectangle | None = None
        self._choice = choice
        self._size: tuple[int, int] | None = None
        self._eye = _Eye((1, 1))
        self._tracker: RegionTracker | None = None
        self._started_s = 0.0
        self._next_look_s = 0.0

    def choose(self, choice: RegionChoice) -> None:
        """Take up another choice with the next picture; the same one again changes nothing."""
        if choice != self._choice:
            self._choice = choice
            self._size = None

    def restart(self) -> None:
        """Look afresh from the next picture on; for another source, of which nothing is known."""
        self._size = None
        self.region = None

    def take(self, frame: av.VideoFrame, size: tuple[int, int], time_s: float) -> bool:
        """Look at a picture, if it is time to; whether `region` is another one now.

        Args:
            frame: As decoded.
            size: (width, height) of the picture as viewers see it.
            time_s: The picture's time, growing.
        """
        before = self.region
        if size != self._size:
            self._begin(size, time_s)
        if self._tracker is not None:
            self._look(frame, self._tracker, time_s)
        return before is not None and self.region != before

    def _begin(self, size: tuple[int, int], time_s: float) -> None:
        self._size = size
        self._tracker = None
        if self._choice.rectangle is not None:
            self.region = fit_rectangle(self._choice.rectangle, size)
        elif self._choice.mode == "full":
            self.region = (0, 0, *size)
        else:
            self.region = None
            self._eye = _Eye(size)
            self._tracker = RegionTracker(self._eye.tolerance)
            self._started_s = self._next_look_s = time_s

    def _look(self, frame: av.VideoFrame, tracker: RegionTracker, time_s: float) -> None:
        whole = (0, 0, *self._eye.size)
        if time_s >= self._next_look_s:
            is_new = tracker.edges is None
            self._next_look_s = time_s + (FIRST_LOOKS_EVERY_S if is_new else LOOKS_EVERY_S)
            sighting = self._eye.look(frame, whole)
            changed = tracker.add(time_s, sighting, lambda edges: self._eye.refine(frame, edges))
            if changed and tracker.edges is not None:
                self.region = self._eye.rectangle(tracker.edges)
        if self.region is None and time_s - self._started_s >= LONGEST_SEARCH_S:
            self.region = whole


class _Eye:
    """Looks at frames of one size."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._whole = Cropper(_grid(size))
        height, width = _grid(size)
        cell_x, cell_y = size[0] / width, size[1] / height
        self.tolerance = (max(2.0, 1.5 * cell_x), max(2.0, 1.5 * cell_y))
        self._margin = (_MARGIN_CELLS * cell_x, _MARGIN_CELLS * cell_y)

    def look(self, frame: av.VideoFrame, region: Rectangle) -> Sighting | None:
        """Look for the picture within a part of the frame; edges in pixels of the frame."""
        x, y, width, height = region
        is_whole = region == (0, 0, *self.size)
        # An odd frame is a pixel larger than what viewers see of it.
        part = (0, 0, frame.width, frame.height) if is_whole else region
        picture = (self._whole if is_whole else Cropper(_grid((width, height)))).crop(frame, part)
        cells = np.frombuffer(rgb_rows(picture), np.uint8)
        sighting = find_picture(cells.reshape(picture.height, picture.width, 3))
        if sighting is None:
            return None
        scale_x, scale_y = width / picture.width, height / picture.height
        left, top, right, bottom = sighting.edges
        return replace(
            sighting,
            edges=(
                x + left * scale_x,
                y + top * scale_y,
                x + right * scale_x,
                y + bottom * scale_y,
            ),
        )

    def refine(self, frame: av.VideoFrame, edges: Edges) -> Edges:
        """Measure edges again from nearer by, where that shows more."""
        left, top, right, bottom = edges
        near = fit_rectangle(
            (
                max(0, int(left - self._margin[0])),
                max(0, int(top - self._margin[1])),
                int(right - left + 2 * self._margin[0]),
                int(bottom - top + 2 * self._margin[1]),
            ),
            self.size,
        )
        if near[2] * near[3] * _WORTH_A_CLOSER_LOOK > self.size[0] * self.size[1]:
            return edges
        sighting = self.look(frame, near)
        if sighting is None:
            return edges
        margin_x, margin_y = self._margin
        return tuple(  # type: ignore[return-value]  # four in, four out
            seen if is_sure and abs(seen - edge) <= margin else edge
            for seen, is_sure, edge, margin in zip(
                sighting.edges,
                sighting.are_sure,
                edges,
                (margin_x, margin_y, margin_x, margin_y),
                strict=True,
            )
        )

    def rectangle(self, edges: Edges) -> Rectangle:
        """Return edges as a rectangle of whole pixels."""
        left, top, right, bottom = (round(edge) for edge in edges)
        return fit_rectangle((left, top, right - left, bottom - top), self.size)


def _grid(size: tuple[int, int]) -> tuple[int, int]:
    """Return (height, width) of about `_CELLS` cells, shaped like the frame and never finer."""
    width, height = size
    scale = min(1.0, (_CELLS / (width * height)) ** 0.5)
    return max(1, round(height * scale)), max(1, round(width * scale))
