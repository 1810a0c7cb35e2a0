"""The SUN-SEG protocol: from frames to cases to one row of figures.

The first and the last frame of a case are left out; figures and curves are averaged over the
frames of a case, then over cases; `mean...` and `max...` are the mean and the maximum of the
averaged curve (so `max...` is the best single threshold for all cases together).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sali_core.evaluation.curves import CURVES
from sali_core.evaluation.metrics import FrameScores

FIGURES = (
    "Smeasure", "wFmeasure", "MAE", "adpEm", "meanEm", "maxEm", "adpFm", "meanFm", "maxFm",
    "meanSen", "maxSen", "meanSpe", "maxSpe", "meanDice", "maxDice", "meanIoU", "maxIoU",
)  # fmt: skip
"""Names of the toolbox's figures, in its order."""


def mean_scores(scores: Sequence[FrameScores]) -> FrameScores:
    """Average scores of frames to those of a case, or of cases to those of a data set."""
    return FrameScores(
        s_measure=float(np.mean([score.s_measure for score in scores])),
        weighted_f=float(np.mean([score.weighted_f for score in scores])),
        mae=float(np.mean([score.mae for score in scores])),
        adaptive_e=float(np.mean([score.adaptive_e for score in scores])),
        adaptive_f=float(np.mean([score.adaptive_f for score in scores])),
        curves=np.mean([score.curves for score in scores], axis=0),
    )


def official_figures(scores: FrameScores) -> dict[str, float]:
    """Return the figures named in `FIGURES` of averaged scores."""
    figures = {
        "Smeasure": scores.s_measure,
        "wFmeasure": scores.weighted_f,
        "MAE": scores.mae,
        "adpEm": scores.adaptive_e,
        "adpFm": scores.adaptive_f,
    }
    for name, curve in zip(CURVES, scores.curves, strict=True):
        figures[f"mean{name}"] = float(curve.mean())
        figures[f"max{name}"] = float(curve.max())
    return {name: figures[name] for name in FIGURES}
