"""Pictures of an evaluation: curves, a bar for each case, and the worst frames on one sheet.

Needs matplotlib, which the service does not: it comes with the extra `eval`.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sali_core.errors import ConfigError
from sali_core.evaluation.arrays import Mask
from sali_core.evaluation.curves import CURVES, THRESHOLDS
from sali_core.evaluation.evaluator import CaseResult, Evaluation, load_frame

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TITLES = ("E-measure", "F-measure", "sensitivity", "specificity", "Dice", "IoU")
_SHEET = 12
_HIT, _FALSE, _MISSED = (80, 200, 120), (220, 80, 60), (70, 130, 240)


def require_matplotlib() -> None:
    """Refuse early where plots cannot be drawn.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError(
            "plots need matplotlib: pip install 'sali-live[eval]' or leave out --plots"
        )


def write_plots(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Draw all plots into a folder, made if missing; existing files are replaced.

    Returns:
        The files: curves.png, cases.png, worst.png, and curves.csv with the curves' numbers.
    """
    require_matplotlib()
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {
        "curves.png": _draw_curves(evaluation),
        "cases.png": _draw_cases(evaluation),
        "worst.png": _draw_worst(evaluation),
    }
    for name, figure in drawings.items():
        figure.savefig(folder / name, dpi=110)
    lines = [",".join(("threshold", *CURVES))]
    for threshold, column in zip(THRESHOLDS, evaluation.scores.curves.T, strict=True):
        lines.append(",".join(f"{value:.6f}" for value in (threshold, *column)))
    (folder / "curves.csv").write_text("\n".join(lines) + "\n")
    return [folder / name for name in (*drawings, "curves.csv")]


def overlap_picture(predicted: Mask, truth: Mask) -> npt.NDArray[np.uint8]:
    """Return [H, W, 3]: hits green, false pixels red, missed pixels blue, the rest black."""
    picture = np.zeros((*truth.shape, 3), np.uint8)
    picture[predicted & truth] = _HIT
    picture[predicted & ~truth] = _FALSE
    picture[~predicted & truth] = _MISSED
    return picture


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _draw_curves(evaluation: Evaluation) -> Figure:
    figure = _figure(9, 5.5)
    scores = evaluation.scores.curves
    for axes, title, curve in zip(figure.subplots(2, 3).flat, _TITLES, scores, strict=True):
        axes.plot(THRESHOLDS, curve)
        best = int(curve.argmax())
        axes.plot(THRESHOLDS[best], curve[best], "o")
        axes.set_title(f"{title}: mean {curve.mean():.3f}, max {curve[best]:.3f}", fontsize=9)
        axes.set(xlabel="threshold", xlim=(0, 1), ylim=(0, 1.02))
        axes.grid(alpha=0.3)
    return figure


def _draw_cases(evaluation: Evaluation) -> Figure:
    ordered = _worst_first(evaluation)
    figure = _figure(7, 1.2 + 0.22 * len(ordered))
    axes = figure.subplots()
    values = [_dice(case) for case in ordered]
    axes.barh([case.name for case in ordered], values)
    axes.axvline(float(np.mean(values)), linestyle="--", color="black", linewidth=1)
    axes.set(
        xlabel=f"Dice at {evaluation.settings.threshold:g}, all frames (dashed: mean over cases)",
        xlim=(0, 1),
    )
    axes.invert_yaxis()
    axes.margins(y=0.01)
    return figure


def _draw_worst(evaluation: Evaluation) -> Figure:
    """Draw the frame of lowest Dice of each of the worst cases."""
    worst = _worst_first(evaluation)[:_SHEET]
    columns = min(4, len(worst))
    rows = -(-len(worst) // columns)
    figure = _figure(3 * columns, 2.7 * rows + 0.4)
    figure.suptitle(
        "worst frame of the worst cases: hit green, false red, missed blue", fontsize=10
    )
    places = figure.subplots(rows, columns, squeeze=False).flat
    for axes in places:
        axes.set_axis_off()
    for axes, case in zip(figure.axes, worst, strict=False):
        prediction, truth = load_frame(case.worst)
        axes.imshow(overlap_picture(prediction >= evaluation.settings.lowest_level, truth))
        dice = float(case.trace.dice.min())
        axes.set_title(f"{case.name}\n{case.worst.truth.stem[-28:]}: Dice {dice:.2f}", fontsize=8)
    return figure


def _worst_first(evaluation: Evaluation) -> list[CaseResult]:
    return sorted(evaluation.cases, key=_dice)


def _dice(case: CaseResult) -> float:
    """Mean over frames; unlike the toolbox's, 1 where a frame without polyp stays empty."""
    return float(case.trace.dice.mean())
