"""Scores a network on stills, each run as the first frame of a stream (empty bank)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from sali_core.config import MemoryConfig
from sali_core.data.clips import Pictures
from sali_core.data.resizing import resize_mask, resize_picture
from sali_core.evaluation.metrics import dice, iou
from sali_core.stream.masking import MaskRule
from sali_core.stream.segmenter import StreamNetwork, StreamSegmenter

THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(2, 19))


@dataclass(frozen=True)
class Scores:
    """Means over pictures, per threshold, at the network's input size."""

    thresholds: tuple[float, ...]
    dice: tuple[float, ...]
    iou: tuple[float, ...]

    @property
    def best_threshold(self) -> float:
        """Threshold of the highest mean Dice."""
        return self.thresholds[int(np.argmax(self.dice))]

    def at(self, threshold: float) -> tuple[float, float]:
        """Return (Dice, IoU) at one of `thresholds`."""
        place = self.thresholds.index(threshold)
        return self.dice[place], self.iou[place]


class FirstFrames:
    """Runs pictures as first frames of streams: each has an empty bank."""

    def __init__(self, network: StreamNetwork) -> None:
        """Take a network in inference mode; `size` is its input size."""
        self._segmenter = StreamSegmenter(network, memory=MemoryConfig(), threshold=0.5)
        self.size = network.config.input_size

    def probability(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Map a picture [size, size, 3] to probabilities [size, size]."""
        return self._segmenter.step(self._segmenter.initial_state(), rgb).probability


def score_single_frames(
    network: StreamNetwork,
    pictures: Pictures,
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    peak_threshold: float | None = None,
    indices: Sequence[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Scores:
    """Run pictures through the network as first frames and score them at every threshold.

    Args:
        network: In inference mode.
        pictures: Pictures with truth masks.
        thresholds: On the probability.
        peak_threshold: See `MaskRule`; a threshold above it is its own.
        indices: Which pictures; all by default.
        progress: Called with (done, total).
    """
    first_frames = FirstFrames(network)
    chosen = list(indices) if indices is not None else list(range(len(pictures)))
    rules = [MaskRule(t, peak_threshold and max(t, peak_threshold)) for t in thresholds]
    dices, ious = [], []
    for done, index in enumerate(chosen, start=1):
        image, truth = pictures.load(index)
        probability = first_frames.probability(resize_picture(image, first_frames.size))
        small_truth = resize_mask(truth, first_frames.size)
        masks = [rule.apply(torch.from_numpy(probability)).numpy() for rule in rules]
        dices.append([dice(mask, small_truth) for mask in masks])
        ious.append([iou(mask, small_truth) for mask in masks])
        if progress:
            progress(done, len(chosen))
    mean_dice, mean_iou = np.mean(dices, axis=0), np.mean(ious, axis=0)
    return Scores(tuple(thresholds), tuple(map(float, mean_dice)), tuple(map(float, mean_iou)))
