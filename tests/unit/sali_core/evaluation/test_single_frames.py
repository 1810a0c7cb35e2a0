from __future__ import annotations

import numpy as np
import pytest

from sali_core.evaluation.single_frames import score_single_frames
from sali_core.model.network import SaliNetwork


class Noise:
    def __len__(self) -> int:
        return 3

    def load(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(index)
        return rng.integers(0, 256, (90, 120, 3), dtype=np.uint8), rng.random((90, 120)) > 0.5


def test_scores_are_told_at_the_thresholds_asked_for(network: SaliNetwork) -> None:
    scores = score_single_frames(network, Noise(), thresholds=(0.001, 0.33))
    assert scores.at(0.33) == (scores.dice[1], scores.iou[1])
    # At the first threshold everything is marked: Dice of a mask of about half the picture.
    assert scores.at(0.001)[0] == pytest.approx(2 / 3, abs=0.05)
    assert scores.best_threshold == (0.001, 0.33)[int(np.argmax(scores.dice))]


def test_some_pictures_can_be_chosen(network: SaliNetwork) -> None:
    done: list[tuple[int, int]] = []
    score_single_frames(network, Noise(), indices=[2], progress=lambda *x: done.append(x))
    assert done == [(1, 1)]
