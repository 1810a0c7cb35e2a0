"""Speed of the toolbox's curves from histograms, beside a plain pass for each threshold.

    python -m tests.bench.metrics [--json F]

Both forms score the same map of 352 x 352 and take turns, so that a busy machine hurts both alike;
first their figures are compared.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from sali_core.evaluation.arrays import GreyMap, Mask, min_max_map
from sali_core.evaluation.curves import THRESHOLDS, count_levels, threshold_curves
from sali_core.evaluation.metrics import score_frame
from tests.bench.step import compare


def plain_overlaps(levels: GreyMap, truth: Mask) -> np.ndarray:
    """Return sensitivity, specificity, Dice and IoU at each threshold, [4, 256], by counting."""
    stretched = min_max_map(levels)
    rows = []
    for threshold in THRESHOLDS:
        mask = stretched >= threshold
        hits = np.sum(mask & truth)
        outside = np.sum(mask & ~truth)
        found = hits > 0
        rows.append(
            (
                hits / truth.sum() * found,
                (1 - outside / np.sum(~truth)) * found,
                2 * hits / (mask.sum() + truth.sum()),
                hits / np.sum(mask | truth),
            )
        )
    return np.transpose(rows)


def make_frame(size: int) -> tuple[GreyMap, Mask]:
    """Return a noisy map and its truth, a disc of a tenth of the picture."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] / size - 0.5
    truth = x**2 + y**2 < 0.03
    levels = np.clip(220 * truth + rng.normal(15, 20, truth.shape), 0, 255).astype(np.uint8)
    return levels, truth


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    levels, truth = make_frame(352)
    ours = threshold_curves(count_levels(levels, truth))[2:]
    np.testing.assert_allclose(ours, plain_overlaps(levels, truth), atol=1e-12)
    figures = {
        "curves_352": compare(
            lambda: threshold_curves(count_levels(levels, truth)),
            lambda: plain_overlaps(levels, truth),
            options.rounds,
        ),
        "whole_frame_352": compare(
            lambda: score_frame(levels, truth),
            lambda: plain_overlaps(levels, truth),
            options.rounds,
        ),
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
