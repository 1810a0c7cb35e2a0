"""All figures of a weights card, of one model, from one folder of stills and the phantom.

Stills as single frames; false alarms per minute on the phantom without polyps and on crops of
stills without polyp; videos made from stills, with and without stretches of bad quality. No video
with masks is needed, and none of these figures replaces one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from sali_core.data.phantom import Phantom, PhantomConfig
from sali_core.data.pictures import spread
from sali_core.data.resizing import resize_mask, resize_picture
from sali_core.data.still_video import empty_video, still_video
from sali_core.data.stills import StillFolder
from sali_core.errors import ConfigError
from sali_core.evaluation.metrics import dice, iou
from sali_core.evaluation.temporal import MaskTrace, count_false_alarms, flicker, trace_masks
from sali_core.stream.model import StreamModel

Frame = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ReportPlan:
    """How much is looked at; the figures of a card use these defaults.

    Attributes:
        fps: Frames per second, of the phantom and of the videos made from stills.
        alarm_area: Share of the picture whose mask makes an alarm.
        phantom_minutes: Length of the phantom without polyps.
        phantom_seed: Its scene; training uses seeds below 90,000.
        crop_frames: Frames filmed of each crop without polyp.
        video_stills: Stills filmed for the videos, evenly spread over the split.
        video_frames: Frames of each.
        stretches: Stretches of bad quality in each spoilt one.
        seed: Of camera paths and looks.
    """

    fps: float = 25.0
    alarm_area: float = 0.001
    phantom_minutes: float = 10.0
    phantom_seed: int = 90_001
    crop_frames: int = 25
    video_stills: int = 60
    video_frames: int = 60
    stretches: int = 2
    seed: int = 0


class Alarms(TypedDict):
    """False alarms: runs of neighbouring frames whose masks cover `alarm_area` or more."""

    alarms: int
    minutes: float
    per_minute: float


def report_network(
    model: StreamModel, stills: StillFolder, plan: ReportPlan, progress: Progress
) -> dict[str, Any]:
    """Compute every figure.

    Args:
        model: What to look at; its own threshold is used throughout.
        stills: Labelled pictures that it was not trained on.
        plan: How much.
        progress: Called with (part, done, total).

    Returns:
        Plain JSON values.

    Raises:
        ConfigError: The model's input is not square.
    """
    height, width = model.info.input_size
    if height != width:
        raise ConfigError(f"the report needs a square input, the model wants {width}x{height}")
    return {
        "weights": model.info.name,
        "threshold": model.info.threshold,
        "single_frames": score_stills(model, stills, progress),
        "false_alarms": {
            "phantom": phantom_alarms(model, plan, progress),
            "crops": crop_alarms(model, stills, plan, progress),
        },
        "videos_from_stills": {
            "clean": score_videos(model, stills, plan, 0, progress),
            "with_bad_stretches": score_videos(model, stills, plan, plan.stretches, progress),
        },
    }


def score_stills(model: StreamModel, stills: StillFolder, progress: Progress) -> dict[str, Any]:
    """Mean Dice and IoU of stills as first frames of streams, in all and by data set."""
    size = model.info.input_size[0]
    scores: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for index in range(len(stills)):
        image, truth = stills.load(index)
        mask = model.step(model.initial_state(), resize_picture(image, size)).mask
        small = resize_mask(truth, size)
        pair = dice(mask, small), iou(mask, small)
        for group in {"all", stills.dataset(index)}:
            scores[group].append(pair)
        progress("stills", index + 1, len(stills))
    return {
        group: {
            "pictures": len(pairs),
            "dice": round(float(np.mean([d for d, _ in pairs])), 4),
            "iou": round(float(np.mean([i for _, i in pairs])), 4),
        }
        for group, pairs in sorted(scores.items())
    }


def phantom_alarms(model: StreamModel, plan: ReportPlan, progress: Progress) -> Alarms:
    """Count false alarms on a phantom scene that has no polyp."""
    size = model.info.input_size[0]
    phantom = Phantom(
        PhantomConfig(
            width=size,
            height=size,
            fps=plan.fps,
            seconds=plan.phantom_minutes * 60,
            seed=plan.phantom_seed,
            polyps=False,
        )
    )

    def frames() -> Iterator[tuple[Frame, Mask]]:
        for index in range(len(phantom)):
            frame = phantom.render(index)
            yield frame.image, frame.mask
            progress("phantom without polyps", index + 1, len(phantom))

    return _alarms([_trace(model, frames())], plan)


def crop_alarms(
    model: StreamModel, stills: StillFolder, plan: ReportPlan, progress: Progress
) -> Alarms:
    """Count false alarms on short videos of parts of stills that show no polyp."""
    size = model.info.input_size[0]
    traces = []
    for index in range(len(stills)):
        video = empty_video(stills.load(index), plan.crop_frames, plan.seed + index, size)
        if video is not None:
            pairs = ((rgb, np.zeros((size, size), np.bool_)) for rgb in _pictures(video.rgb))
            traces.append(_trace(model, pairs))
        progress("crops without polyp", index + 1, len(stills))
    return _alarms(traces, plan)


def score_videos(
    model: StreamModel, stills: StillFolder, plan: ReportPlan, stretches: int, progress: Progress
) -> dict[str, float | int | None]:
    """Dice and flicker over videos made from stills, inside bad stretches and outside."""
    size = model.info.input_size[0]
    count = min(plan.video_stills, len(stills))
    good, bad, changes = [], [], []
    for number, index in enumerate(spread(len(stills), count)):
        still = stills.load(index)
        video = still_video(still, plan.video_frames, plan.seed + index, size, stretches)
        truth = video.masks[:, 0].numpy() > 0.5
        trace = _trace(model, zip(_pictures(video.rgb), truth, strict=True))
        is_bad = video.is_spoilt.numpy()
        # Frames that show no polyp say nothing about Dice; alarms are counted elsewhere.
        shown = trace.truth_px > 0
        good.extend(trace.dice[shown & ~is_bad])
        bad.extend(trace.dice[shown & is_bad])
        changes.append(flicker(trace))
        progress(f"videos from stills, {stretches} bad stretches", number + 1, count)
    known = [value for value in changes if value is not None]
    return {
        "videos": count,
        "dice_outside_stretches": _mean(good),
        "dice_inside_stretches": _mean(bad),
        "flicker": _mean(known),
    }


def _trace(model: StreamModel, frames: Iterable[tuple[Frame, Mask]]) -> MaskTrace:
    """Run a video through a new stream and count its masks' pixels against the truth."""
    state = model.initial_state()
    return trace_masks((model.step(state, rgb).mask, truth) for rgb, truth in frames)


def _pictures(rgb: Any) -> Iterator[Frame]:
    """Frames [H, W, 3] of a video tensor [T, 3, H, W] uint8."""
    yield from np.ascontiguousarray(rgb.permute(0, 2, 3, 1).numpy())


def _alarms(traces: list[MaskTrace], plan: ReportPlan) -> Alarms:
    counted = count_false_alarms(traces, plan.alarm_area)
    return {
        "alarms": counted.alarms,
        "minutes": round(counted.polyp_free_frames / plan.fps / 60, 2),
        "per_minute": round(counted.per_minute(plan.fps) or 0.0, 2),
    }


def _mean(values: list[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
