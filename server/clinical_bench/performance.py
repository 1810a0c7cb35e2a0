"""How well polyps are found: on labelled pictures, and on phantom video with known polyps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from sali_core.data.resizing import resize_mask, resize_picture
from sali_core.data.stills import StillFolder
from sali_core.evaluation.metrics import dice, iou
from sali_core.evaluation.temporal import MaskTrace, count_false_alarms
from sali_core.stream.model import StreamModel
from server.finding_bench.figures import Figures, figures_of
from server.finding_bench.recording import RecordedScene
from server.finding_bench.replay import follow
from server.findings.persistence import PersistenceRule

# As the figures of a weights card count alarms, and `sali bench findings` polyps in sight.
_ALARM_SHARE = 0.001
_IN_SIGHT_SHARE = 0.01
_NORMAL_95 = 1.96


@dataclass(frozen=True)
class Share:
    """So many of so many, with the 95 % interval of Wilson (1927)."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Bounds between which the true share lies in 95 % of cases; None of nothing."""
        if not self.whole:
            return None
        n, p, z = self.whole, self.part / self.whole, _NORMAL_95
        middle = p + z * z / (2 * n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"value": self.value, "interval_95": self.interval}


@dataclass(frozen=True)
class PicturePerformance:
    """On labelled pictures, each seen for itself.

    Attributes:
        pictures: How many.
        polyps_found: Polyps of which a mask covers at least a fifth.
        false_regions: Regions of masks that touch no polyp.
        dice: Mean over the pictures.
        iou: Mean over the pictures.
    """

    pictures: int
    polyps_found: Share
    false_regions: int
    dice: float
    iou: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"polyps_found": self.polyps_found.to_dict()}


@dataclass(frozen=True)
class VideoPerformance:
    """On phantom videos.

    Attributes:
        minutes: Length.
        frames_found: Of the frames with a polyp in sight, those with a mask on it.
        frames_clear: Of the frames without any polyp, those without a mask.
        alarms_per_minute: Runs of masks on frames without a polyp, a minute of such frames.
        findings: By the persistence filter of this installation.
        unfiltered: Without one.
    """

    minutes: float
    frames_found: Share
    frames_clear: Share
    alarms_per_minute: float | None
    findings: Figures
    unfiltered: Figures

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {
            "frames_found": self.frames_found.to_dict(),
            "frames_clear": self.frames_clear.to_dict(),
        }


def score_pictures(
    model: StreamModel, pictures: StillFolder, progress: Callable[[str], None]
) -> PicturePerformance:
    """Run the model over labelled pictures, each with an empty memory.

    A polyp is a connected region of a truth mask.
    """
    size = model.info.input_size[0]
    found = polyps = false_regions = 0
    dices, ious = [], []
    for index in range(len(pictures)):
        if index % 50 == 0:
            progress(f"labelled pictures, {index} of {len(pictures)}")
        image, label = pictures.load(index)
        truth = resize_mask(label, size)
        mask = model.step(model.initial_state(), resize_picture(image, size)).mask
        dices.append(dice(mask, truth))
        ious.append(iou(mask, truth))
        lesions, count = ndimage.label(truth, np.ones((3, 3), np.bool_))
        covered = np.bincount(lesions[mask], minlength=count + 1)[1:]
        polyps += count
        found += int((5 * covered >= np.bincount(lesions.ravel(), minlength=count + 1)[1:]).sum())
        regions, regions_count = ndimage.label(mask, np.ones((3, 3), np.bool_))
        false_regions += regions_count - len(np.unique(regions[mask & truth]))
    return PicturePerformance(
        len(pictures), Share(found, polyps), false_regions,
        round(float(np.mean(dices)), 4), round(float(np.mean(ious)), 4),
    )  # fmt: skip


def score_video(scenes: Sequence[RecordedScene], rule: PersistenceRule) -> VideoPerformance:
    """Tell how recorded phantom scenes went, with and without the persistence filter."""
    with_polyp = hits = 0
    for scene in scenes:
        least = _IN_SIGHT_SHARE * scene.picture_px
        for frame in scene.frames:
            seen = {number for number, pixels in frame.truth.items() if pixels >= least}
            if seen:
                with_polyp += 1
                hits += any(seen & set(region.touched) for region in frame.regions)
    traces = [_trace(scene) for scene in scenes]
    alarms = count_false_alarms(traces, _ALARM_SHARE)
    free = sum(int((trace.truth_px == 0).sum()) for trace in traces)
    clear = sum(int(((trace.truth_px == 0) & (trace.predicted_px == 0)).sum()) for trace in traces)
    followed = [follow(scene) for scene in scenes]
    return VideoPerformance(
        minutes=round(sum(scene.hours for scene in scenes) * 60, 2),
        frames_found=Share(hits, with_polyp),
        frames_clear=Share(clear, free),
        alarms_per_minute=alarms.per_minute(scenes[0].choice.fps),
        findings=figures_of(followed, rule, _IN_SIGHT_SHARE),
        unfiltered=figures_of(followed, PersistenceRule(window_ms=0), _IN_SIGHT_SHARE),
    )


def _trace(scene: RecordedScene) -> MaskTrace:
    """What `count_false_alarms` asks of a scene: areas; overlaps are not asked for."""
    nothing = np.zeros(len(scene.frames), np.int64)
    return MaskTrace(
        picture_px=nothing + scene.picture_px,
        predicted_px=np.array([sum(r.area_px for r in f.regions) for f in scene.frames], np.int64),
        truth_px=np.array([sum(frame.truth.values()) for frame in scene.frames], np.int64),
        shared_px=nothing,
        predicted_kept_px=nothing,
        truth_kept_px=nothing,
    )
