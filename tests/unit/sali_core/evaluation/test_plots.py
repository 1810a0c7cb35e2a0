from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sali_core.errors import ConfigError
from sali_core.evaluation import plots
from sali_core.evaluation.evaluator import EvaluationSettings, evaluate_maps


def test_overlap_colours_tell_hits_from_errors() -> None:
    predicted, truth = (
        np.array([[True, True, False, False]]),
        np.array([[True, False, True, False]]),
    )
    hit, false, missed, rest = plots.overlap_picture(predicted, truth)[0].tolist()
    assert int(np.argmax(hit)) == 1
    assert int(np.argmax(false)) == 0
    assert int(np.argmax(missed)) == 2
    assert rest == [0, 0, 0]


def test_without_matplotlib_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"pip install 'sali-live\[eval\]'"):
        plots.require_matplotlib()


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is absent")
def test_plots_of_more_cases_than_the_sheet_holds(tmp_path: Path) -> None:
    for case in range(14):
        for number in range(3):
            truth = np.zeros((16, 16), np.uint8)
            truth[2:9, 2 : 3 + case] = 255
            for kind in ("gt", "pred"):
                path = tmp_path / kind / f"case{case}" / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(truth).save(path)
    evaluation = evaluate_maps(tmp_path / "gt", tmp_path / "pred", EvaluationSettings())
    written = plots.write_plots(evaluation, tmp_path / "new/plots")
    assert [path.name for path in written] == ["curves.png", "cases.png", "worst.png", "curves.csv"]
    for path in written[:3]:
        with Image.open(path) as image:
            assert min(image.size) > 200
            assert len(image.convert("L").getcolors() or ()) > 2
    lines = written[3].read_text().splitlines()
    assert lines[0] == "threshold,Em,Fm,Sen,Spe,Dice,IoU"
    assert len(lines) == 257
