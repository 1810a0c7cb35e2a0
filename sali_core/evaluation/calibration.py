"""Chooses the fixed thresholds of weights on labelled stills: what is shown, what is held back.

1. The threshold of the outline is the one of the highest mean Dice.
2. The peak threshold is the one with the fewest alarms on crops of the same stills that show no
   polyp, of those that cost at most `tolerance` of that Dice; of equals the lowest. Of each crop
   some frames of a short film are looked at: an alarm that light or movement brings counts too.

Every picture is a stream's first frame. The figures found here are of the pictures chosen on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from sali_core.data.pictures import Pictures
from sali_core.data.resizing import resize_mask, resize_picture
from sali_core.data.still_video import empty_video
from sali_core.errors import DatasetError
from sali_core.evaluation.metrics import dice
from sali_core.evaluation.network_report import ReportPlan
from sali_core.evaluation.single_frames import THRESHOLDS, FirstFrames
from sali_core.stream.masking import MaskRule
from sali_core.stream.segmenter import StreamNetwork

PEAK_THRESHOLDS = (
    0.7,
    0.8,
    0.85,
    0.9,
    0.93,
    0.95,
    0.96,
    0.97,
    0.98,
    0.985,
    0.99,
    0.993,
    0.995,
    0.997,
    0.998,
)
ALARM_AREA = ReportPlan.alarm_area
_CROP_FRAMES = 25
_CROP_EVERY = 6
Map = npt.NDArray[np.float32]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Candidate:
    """What a pair of thresholds gives.

    Attributes:
        rule: The thresholds.
        dice: Mean over the stills.
        alarms: Share of the frames of crops whose mask covers `ALARM_AREA` or more.
    """

    rule: MaskRule
    dice: float
    alarms: float


@dataclass(frozen=True)
class Calibration:
    """The choice, and what it was chosen from: the first candidate has no peak threshold.

    Attributes:
        chosen: The thresholds to use.
        candidates: All that were judged.
        stills: Pictures with truth.
        crop_frames: Frames of crops without polyp.
    """

    chosen: Candidate
    candidates: tuple[Candidate, ...]
    stills: int
    crop_frames: int


def calibrate(
    network: StreamNetwork,
    pictures: Pictures,
    progress: Progress,
    *,
    tolerance: float = 0.005,
    seed: int = 0,
) -> Calibration:
    """Choose thresholds for a network.

    Args:
        network: In inference mode.
        pictures: With truth masks, best not those trained on.
        progress: Called with (part, done, total).
        tolerance: Mean Dice that fewer alarms may cost.
        seed: Of the crops.

    Raises:
        DatasetError: There are no pictures.
    """
    if not len(pictures):
        raise DatasetError("no pictures to choose thresholds on")
    segment = FirstFrames(network)
    maps, truths, alarming, crop_frames = [], [], [], 0
    for index in range(len(pictures)):
        image, truth = pictures.load(index)
        maps.append(segment.probability(resize_picture(image, segment.size)))
        truths.append(resize_mask(truth, segment.size))
        video = empty_video((image, truth), _CROP_FRAMES, seed + index, segment.size)
        if video is not None:
            crops = video.rgb[::_CROP_EVERY].permute(0, 2, 3, 1).numpy()
            found = [segment.probability(np.ascontiguousarray(crop)) for crop in crops]
            alarming += [m for m in found if _mask(MaskRule(THRESHOLDS[0]), m).mean() >= ALARM_AREA]
            crop_frames += len(found)
        progress("stills", index + 1, len(pictures))

    def judge(rule: MaskRule) -> Candidate:
        scores = [dice(_mask(rule, m), t) for m, t in zip(maps, truths, strict=True)]
        alarms = sum(bool(_mask(rule, m).mean() >= ALARM_AREA) for m in alarming)
        return Candidate(rule, float(np.mean(scores)), alarms / max(crop_frames, 1))

    plain = max((judge(MaskRule(t)) for t in THRESHOLDS), key=lambda found: found.dice)
    threshold = plain.rule.threshold
    peaks = [judge(MaskRule(threshold, peak)) for peak in PEAK_THRESHOLDS if peak > threshold]
    candidates = (plain, *peaks)
    return Calibration(choose(candidates, tolerance), candidates, len(maps), crop_frames)


def choose(candidates: Sequence[Candidate], tolerance: float) -> Candidate:
    """Return the candidate of fewest alarms, of those within `tolerance` of the best Dice."""
    limit = max(candidate.dice for candidate in candidates) - tolerance
    allowed = [candidate for candidate in candidates if candidate.dice >= limit]
    return min(allowed, key=lambda candidate: candidate.alarms)


def _mask(rule: MaskRule, probability: Map) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = rule.apply(torch.from_numpy(probability)).numpy()
    return mask
