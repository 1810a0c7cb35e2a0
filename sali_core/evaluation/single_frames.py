"""Scores a network on stills, each run as the first frame of a stream (empty bank)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
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
    segmenter = StreamSegmenter(network, memory=MemoryConfig(), threshold=0.5)
    input_size = network.config.input_size
    chosen = list(indices) if indices is not None else list(range(len(pictures)))
    rules = [MaskRule(t, peak_threshold and max(t, peak_threshold)) for t in thresholds]
    dices, ious = [], []
    for done, index in enumerate(chosen, start=1):
        image, truth = pictures.load(index)
        small = resize_picture(image, input_size)
        result = segmenter.step(segmenter.initial_state(), small)
        small_truth = resize_mask(truth, input_size)
        probability = torch.from_numpy(result.probability)
        masks = [rule.apply(probability).numpy() for rule in rules]
        dices.append([dice(mask, small_truth) for mask in masks])
        ious.append([iou(mask, small_truth) for mask in masks])
        if progress:
            progress(done, len(chosen))
    mean_dice, mean_iou = np.mean(dices, axis=0), np.mean(ious, axis=0)
    return Scores(tuple(thresholds), tuple(map(float, mean_dice)), tuple(map(float, mean_iou)))
