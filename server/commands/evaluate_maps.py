"""The part of `sali evaluate` that scores maps: run, show, write."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sali_core.errors import ConfigError
from server.commands.outputs import Outputs

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from sali_core.evaluation.evaluator import Evaluation, EvaluationSettings
    from sali_core.evaluation.report import Table


def evaluate_maps(
    gt: Path,
    pred: Path,
    settings: EvaluationSettings,
    outputs: Outputs,
    *,
    name: str | None,
    subset: str | None,
    workers: int,
) -> None:
    """Score the maps in `pred`, show the tables and write what was asked for.

    Raises:
        ConfigError: An option cannot be used; said before any work.
        DatasetError: Masks or maps are missing or unreadable.
    """
    from sali_core.evaluation.published import subset_of

    outputs.check()
    evaluation = score_maps(gt, pred, settings, workers=workers)
    name, subset = name or pred.resolve().name, subset or subset_of(gt)
    show_evaluation(evaluation, name, subset)
    _write(evaluation, outputs, name, subset)


def check_subsets(names: Sequence[str]) -> None:
    """Refuse what is no SUN-SEG test set.

    Raises:
        ConfigError: The text lists those there are.
    """
    from sali_core.evaluation.published import SUBSETS

    for name in names:
        if name not in SUBSETS:
            raise ConfigError(f"--subset {name}: known are {', '.join(SUBSETS)}")


def frames_progress() -> Progress:
    """Return a bar of frames with the time that remains, where standard error is a terminal."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:-1], MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def score_maps(
    gt: Path, pred: Path, settings: EvaluationSettings, *, workers: int, label: str = "frames"
) -> Evaluation:
    """Score the maps in `pred` by a bar called `label`.

    Raises:
        DatasetError: Masks or maps are missing or unreadable.
    """
    from sali_core.evaluation import evaluator

    with frames_progress() as progress:
        bar = progress.add_task(label, total=None)
        return evaluator.evaluate_maps(
            gt,
            pred,
            settings,
            workers=workers,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )


def _write(evaluation: Evaluation, outputs: Outputs, name: str, subset: str | None) -> None:
    from sali_core.evaluation.plots import write_plots
    from sali_core.evaluation.report import csv_of, json_of, markdown_of

    if outputs.json:
        outputs.json.write_text(json.dumps(json_of(evaluation), indent=2, allow_nan=False) + "\n")
    if outputs.csv:
        outputs.csv.write_text(csv_of(evaluation))
    if outputs.markdown:
        outputs.markdown.write_text(markdown_of(evaluation, name, subset))
    if outputs.plots:
        write_plots(evaluation, outputs.plots)


def show_evaluation(evaluation: Evaluation, name: str, subset: str | None) -> None:
    """Print the tables of one evaluation; beside published rows where a test set is named."""
    from rich.console import Console

    from sali_core.evaluation.report import comparison_table, further_table, official_table

    console = Console()
    on = f" on {subset}" if subset else ""
    ends = ", first and last frames too" if evaluation.settings.keep_ends else ""
    scored = f"{len(evaluation.cases)} cases, {evaluation.frames} frames{ends}"
    _show_table(console, f"{name}{on}: {scored}", official_table(evaluation))
    _show_table(console, f"masks at {evaluation.settings.threshold:g}", further_table(evaluation))
    if subset:
        # A method a column: eleven figures side by side do not fit a terminal.
        by_figure = zip(*comparison_table(evaluation, subset, name), strict=True)
        turned = [list(line) for line in by_figure if line[0] != "backbone"]
        _show_table(console, f"SUN-SEG {subset}", turned)
    for note in evaluation.notes:
        console.print(f"note: {note}", highlight=False, markup=False)


def _show_table(console: Console, title: str, table: Table) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(title=Text(title), title_justify="left", box=SIMPLE_HEAD)
    grid.padding, grid.pad_edge = (0, 1, 0, 0), False
    for place, heading in enumerate(table[0]):
        first = place == 0
        grid.add_column(Text(heading), justify="left" if first else "right", no_wrap=first)
    for row in table[1:]:
        grid.add_row(*map(Text, row))
    console.print(grid)
