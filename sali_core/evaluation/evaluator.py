"""Scores any method's maps against the truth, case by case, in several processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

import numpy as np

from sali_core.errors import ConfigError, DatasetError, SaliError
from sali_core.evaluation.arrays import GreyMap, Mask
from sali_core.evaluation.maps import CaseFiles, FrameFiles, find_cases, read_grey, resize_bilinear
from sali_core.evaluation.metrics import FrameScores, score_frame
from sali_core.evaluation.protocol import mean_scores, official_figures
from sali_core.evaluation.temporal import (
    MaskTrace,
    MaskTracer,
    count_false_alarms,
    detection_delays,
    flicker,
)

_FRAMES_WORTH_A_POOL = 100
Figures = dict[str, float | int | None]


@dataclass(frozen=True)
class EvaluationSettings:
    """What is chosen for the figures beyond the toolbox.

    Attributes:
        threshold: Of the fixed masks: map / 255 >= threshold, without stretching.
        fps: Of the videos.
        alarm_area: Share of the picture a mask must cover to be an alarm.
        rejoin_s: A polyp gone for at most so many seconds has not left.
        keep_ends: Score the first and the last frame of a case too, unlike the protocol.
    """

    threshold: float = 0.5
    fps: float = 25.0
    alarm_area: float = 0.001
    rejoin_s: float = 1.0
    keep_ends: bool = False

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for name, fits, allowed in (
            ("threshold", 0 < self.threshold <= 1, "above 0 and at most 1"),
            ("fps", self.fps > 0, "above 0"),
            ("alarm_area", 0 <= self.alarm_area <= 1, "between 0 and 1"),
            ("rejoin_s", self.rejoin_s >= 0, "0 or more"),
        ):
            if not fits:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be {allowed}")

    @property
    def lowest_level(self) -> int:
        """Lowest level of an 8-bit map that belongs to the mask."""
        return int(np.searchsorted(np.arange(256) / 255, self.threshold))


@dataclass(frozen=True)
class CaseResult:
    """One case scored.

    Attributes:
        name: Of the case.
        frames: Frames scored by the protocol.
        scores: Their mean.
        trace: Masks of all frames at the fixed threshold.
        worst: The frame with the lowest Dice at the fixed threshold.
    """

    name: str
    frames: int
    scores: FrameScores
    trace: MaskTrace
    worst: FrameFiles


@dataclass(frozen=True)
class Evaluation:
    """Everything known of one method on one data set."""

    settings: EvaluationSettings
    cases: tuple[CaseResult, ...]
    notes: tuple[str, ...]

    @property
    def scores(self) -> FrameScores:
        """Mean over cases."""
        return mean_scores([case.scores for case in self.cases])

    @property
    def frames(self) -> int:
        """Frames scored by the protocol."""
        return sum(case.frames for case in self.cases)

    def official(self) -> dict[str, float]:
        """Return the toolbox's figures over all cases."""
        return official_figures(self.scores)

    def further(self) -> Figures:
        """Return the figures beyond the toolbox over all cases."""
        return further_figures([case.trace for case in self.cases], self.settings)


def evaluate_maps(
    truth_root: Path,
    prediction_root: Path,
    settings: EvaluationSettings,
    *,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Score the maps of a method.

    Args:
        truth_root: A folder per case with masks; see `maps.find_cases`.
        prediction_root: The same with maps; each is resized to its truth where sizes differ.
        settings: For the figures beyond the toolbox.
        workers: Processes; 0 takes one per core, or none beside this one for little work.
        progress: Called with (frames done, frames in all).

    Raises:
        DatasetError: A file or folder is missing or unreadable, or a case is too short.
        SaliError: A process died.
    """
    cases, notes = find_cases(truth_root, prediction_root)
    _refuse_short(cases, settings)
    total = sum(len(case.frames) for case in cases)
    report = progress or (lambda _done, _total: None)
    if workers == 0:
        workers = (os.cpu_count() or 1) if total >= _FRAMES_WORTH_A_POOL else 1
    results: list[CaseResult] = []
    done = 0
    report(0, total)
    for result in _score_all(cases, settings, min(workers, len(cases))):
        results.append(result)
        done += len(result.trace.truth_px)
        report(done, total)
    order = {case.name: place for place, case in enumerate(cases)}
    results.sort(key=lambda result: order[result.name])
    return Evaluation(settings, tuple(results), tuple(notes))


def score_case(case: CaseFiles, settings: EvaluationSettings) -> CaseResult:
    """Score the frames of one case.

    Raises:
        DatasetError: A file cannot be read, or the truth changes its size within the case.
    """
    tracer = MaskTracer()
    scores = []
    for files in case.frames:
        prediction, truth = load_frame(files)
        try:
            tracer.add(prediction >= settings.lowest_level, truth)
        except SaliError as exc:
            raise DatasetError(f"{files.truth}: {exc}") from exc
        if settings.keep_ends or not files.is_end:
            scores.append(score_frame(prediction, truth))
    trace = tracer.finish()
    worst = case.frames[int(np.argmin(trace.dice))]
    return CaseResult(case.name, len(scores), mean_scores(scores), trace, worst)


def load_frame(files: FrameFiles) -> tuple[GreyMap, Mask]:
    """Read a map and its truth (a pixel is true above 128), the map resized to the truth."""
    truth = read_grey(files.truth) > 128
    prediction = read_grey(files.prediction)
    if prediction.shape != truth.shape:
        prediction = resize_bilinear(prediction, *truth.shape)
    return prediction, truth


def further_figures(traces: Sequence[MaskTrace], settings: EvaluationSettings) -> Figures:
    """Return the figures beyond the toolbox of one case or of many.

    Dice, IoU and flicker are means over the frames of a case, then over cases; alarms and
    appearances are counted over all cases together. None marks what the data cannot tell.
    """
    alarms = count_false_alarms(traces, settings.alarm_area)
    per_minute = alarms.per_minute(settings.fps)
    rejoin = round(settings.rejoin_s * settings.fps)
    delays = [delay for trace in traces for delay in detection_delays(trace, rejoin)]
    found = [delay for delay in delays if delay is not None]
    with_polyp = [trace.dice[trace.truth_px > 0].mean() for trace in traces if trace.truth_px.any()]
    changes = [value for value in map(flicker, traces) if value is not None]
    return {
        "dice": fmean(trace.dice.mean() for trace in traces),
        "dice_with_polyp": float(np.mean(with_polyp)) if with_polyp else None,
        "iou": fmean(trace.iou.mean() for trace in traces),
        "polyp_free_frames": alarms.polyp_free_frames,
        "false_alarms": alarms.alarms,
        "false_alarms_per_minute": per_minute,
        "flicker": fmean(changes) if changes else None,
        "appearances": len(delays),
        "appearances_missed": len(delays) - len(found),
        "first_detection_delay_frames": fmean(found) if found else None,
        "first_detection_delay_s": fmean(found) / settings.fps if found else None,
        "first_detection_delay_s_median": median(found) / settings.fps if found else None,
    }


def _refuse_short(cases: Sequence[CaseFiles], settings: EvaluationSettings) -> None:
    for case in cases:
        if not any(settings.keep_ends or not files.is_end for files in case.frames):
            raise DatasetError(
                f"{case.name}: nothing to score in {len(case.frames)} frames; the protocol leaves "
                "out the first and the last of a case; --keep-ends scores every frame"
            )


def _score_all(
    cases: Sequence[CaseFiles], settings: EvaluationSettings, workers: int
) -> Iterator[CaseResult]:
    """Yield results as they come: in this process for one worker, else from a pool."""
    if workers <= 1:
        yield from (score_case(case, settings) for case in cases)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context)
    try:
        longest_first = sorted(cases, key=lambda case: -len(case.frames))
        tasks = [pool.submit(score_case, case, settings) for case in longest_first]
        for task in as_completed(tasks):
            yield task.result()
    except BrokenProcessPool as exc:
        raise SaliError(
            "a scoring process died, perhaps for want of memory; try again with fewer --workers"
        ) from exc
    finally:
        pool.shutdown(cancel_futures=True)
