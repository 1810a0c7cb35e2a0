from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sali_core.evaluation.evaluator import EvaluationSettings, evaluate_maps
from sali_core.evaluation.metrics import FrameScores
from sali_core.evaluation.protocol import FIGURES, mean_scores, official_figures

_OFFICIAL = Path(__file__).parents[5] / "shared/data/metrics"


def _scores(value: float, curve: list[float]) -> FrameScores:
    curves = np.tile(np.interp(np.arange(256), [0, 255], curve), (6, 1))
    return FrameScores(value, value, value, value, value, curves)


def test_the_maximum_is_of_the_mean_curve_not_the_mean_of_maxima() -> None:
    rising, falling = _scores(0.2, [0, 1]), _scores(0.6, [1, 0])
    figures = official_figures(mean_scores([rising, falling]))
    assert figures["Smeasure"] == pytest.approx(0.4)
    assert figures["maxDice"] == pytest.approx(0.5)
    assert figures["meanDice"] == pytest.approx(0.5)


def test_figures_come_by_name_in_the_toolboxs_order() -> None:
    assert tuple(official_figures(_scores(0.5, [0, 1]))) == FIGURES


@pytest.mark.skipif(not _OFFICIAL.is_dir(), reason="the official figures are not at hand")
def test_every_figure_is_the_official_one() -> None:
    expected = json.loads((_OFFICIAL / "expected.json").read_text())
    evaluation = evaluate_maps(_OFFICIAL / "GT", _OFFICIAL / "Pred", EvaluationSettings())
    figures = evaluation.official()
    assert figures.keys() == expected.keys()
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value, abs=1e-6), name
