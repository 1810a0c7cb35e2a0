"""What the toolbox does not ask of a video: alarms, flicker and the delay of the first detection.

All figures here are of masks at one fixed threshold, over all frames of a case, first and last
included, and need only pixel counts of each frame (`MaskTrace`), never two whole videos at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sali_core.errors import ShapeError
from sali_core.evaluation.arrays import Counts, Floats, Mask


@dataclass(frozen=True)
class MaskTrace:
    """Pixel counts of the T frames of one video; each attribute is [T].

    Attributes:
        picture_px: All pixels.
        predicted_px: Pixels of the predicted mask.
        truth_px: Pixels of the truth.
        shared_px: Pixels of both.
        predicted_kept_px: Pixels predicted in this frame and the one before; 0 at the first.
        truth_kept_px: Pixels true in this frame and the one before; 0 at the first.
    """

    picture_px: Counts
    predicted_px: Counts
    truth_px: Counts
    shared_px: Counts
    predicted_kept_px: Counts
    truth_kept_px: Counts

    @property
    def dice(self) -> Floats:
        """Dice of each frame, 1 where both masks are empty."""
        total = self.predicted_px + self.truth_px
        return _share(2 * self.shared_px, total)

    @property
    def iou(self) -> Floats:
        """IoU of each frame, 1 where both masks are empty."""
        return _share(self.shared_px, self.predicted_px + self.truth_px - self.shared_px)


class MaskTracer:
    """Collects a `MaskTrace` frame by frame; holds the masks of one frame only."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int, int, int, int]] = []
        self._before: tuple[Mask, Mask] | None = None

    def add(self, predicted: Mask, truth: Mask) -> None:
        """Count one more frame.

        Raises:
            ShapeError: The masks differ in size, or from those of the frame before.
        """
        sizes = {predicted.shape, truth.shape, *(mask.shape for mask in self._before or ())}
        if len(sizes) > 1:
            raise ShapeError(f"masks of one video differ in size: {sorted(sizes)}")
        kept = [
            _count(now & before)
            for now, before in zip((predicted, truth), self._before or (), strict=False)
        ] or [0, 0]
        shared = _count(predicted & truth)
        self._rows.append((truth.size, _count(predicted), _count(truth), shared, kept[0], kept[1]))
        self._before = (predicted, truth)

    def finish(self) -> MaskTrace:
        """Return the counts of all frames added."""
        return MaskTrace(*np.array(self._rows, dtype=np.int64).reshape(-1, 6).T)


def trace_masks(pairs: Iterable[tuple[Mask, Mask]]) -> MaskTrace:
    """Count the pixels of (predicted, truth) masks in order of time."""
    tracer = MaskTracer()
    for predicted, truth in pairs:
        tracer.add(predicted, truth)
    return tracer.finish()


@dataclass(frozen=True)
class FalseAlarms:
    """Alarms on the frames without a polyp, and how many such frames there were."""

    alarms: int
    polyp_free_frames: int

    def per_minute(self, fps: float) -> float | None:
        """Alarms per minute of video without polyp; None where there is none."""
        if not self.polyp_free_frames:
            return None
        return self.alarms * fps * 60 / self.polyp_free_frames


def count_false_alarms(traces: Sequence[MaskTrace], min_area: float) -> FalseAlarms:
    """Count the alarms on frames whose truth is empty.

    An alarm is a longest run of neighbouring frames of one video, all without truth, whose masks
    each cover at least `min_area` of the picture (and at least a pixel). A run counts once,
    however long; a frame with truth, or with a smaller mask, ends it. A mask that outlives its
    polyp is an alarm too.

    Args:
        traces: Of whole videos.
        min_area: Share of the picture, 0 to 1.
    """
    alarms = frames = 0
    for trace in traces:
        free = trace.truth_px == 0
        raised = free & (trace.predicted_px >= np.maximum(min_area * trace.picture_px, 1))
        alarms += len(_runs(raised))
        frames += int(free.sum())
    return FalseAlarms(alarms, frames)


def flicker(trace: MaskTrace) -> float | None:
    """Return how much more the mask changes between neighbours than the truth does.

    Mean over frames t > 0 of max(0, (1 - IoU(P_t, P_t-1)) - (1 - IoU(G_t, G_t-1))), with the IoU
    of two empty masks 1: 0 for a mask that changes no more than the polyp itself, 1 for one that
    jumps between disjoint places over a polyp at rest. None for fewer than two frames.
    """
    if len(trace.truth_px) < 2:
        return None
    predicted = _kept_iou(trace.predicted_px, trace.predicted_kept_px)
    truth = _kept_iou(trace.truth_px, trace.truth_kept_px)
    return float(np.maximum(truth - predicted, 0).mean())


def detection_delays(trace: MaskTrace, rejoin_frames: int = 0) -> list[int | None]:
    """Return the frames from each polyp's appearance to the first mask that touches it.

    Masks carry no identity, so an appearance is a run of frames with truth; runs parted by at most
    `rejoin_frames` frames without truth are one appearance. The delay is 0 when the very first
    frame is hit, and None when no mask of the appearance shares a pixel with the truth.
    """
    delays: list[int | None] = []
    for begin, end in _joined(_runs(trace.truth_px > 0), rejoin_frames):
        hits = np.flatnonzero(trace.shared_px[begin:end])
        delays.append(int(hits[0]) if hits.size else None)
    return delays


def _runs(claims: Mask) -> list[tuple[int, int]]:
    """Return (begin, end) of each run of True; `end` is the place after it."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], claims, [False]))))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


def _joined(runs: list[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for begin, end in runs:
        if joined and begin - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined


def _kept_iou(area: Counts, kept: Counts) -> Floats:
    return _share(kept[1:], area[1:] + area[:-1] - kept[1:])


def _share(part: Counts, whole: Counts) -> Floats:
    """Divide; 1 where the whole is 0."""
    shares: Floats = np.where(whole == 0, 1.0, part / np.maximum(whole, 1))
    return shares


def _count(mask: Mask) -> int:
    return int(np.count_nonzero(mask))
