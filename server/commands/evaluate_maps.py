"""The part of `sali evaluate` that scores maps: run, show, write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sali_core.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from sali_core.evaluation.evaluator import Evaluation, EvaluationSettings
    from sali_core.evaluation.report import Table


@dataclass(frozen=True)
class Outputs:
    """Where figures are written besides the screen."""

    json: Path | None
    csv: Path | None = None
    markdown: Path | None = None
    plots: Path | None = None

    def check(self) -> None:
        """Refuse, before the work, a place that cannot be written.

        Raises:
            ConfigError: A folder does not exist, or a folder stands where the file would.
        """
        for option, path in (("json", self.json), ("csv", self.csv), ("markdown", self.markdown)):
            if path and not path.parent.is_dir():
                raise ConfigError(f"--{option} {path}: the folder {path.parent} does not exist")
            if path and path.is_dir():
                raise ConfigError(f"--{option} {path}: is a folder; name a file in it")
        if self.plots and self.plots.exists() and not self.plots.is_dir():
            raise ConfigError(f"--plots {self.plots}: is a file; name a folder")


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
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from sali_core.evaluation import evaluator, plots
    from sali_core.evaluation.published import SUBSETS, subset_of

    if subset is not None and subset not in SUBSETS:
        raise ConfigError(f"--subset {subset}: known are {', '.join(SUBSETS)}")
    outputs.check()
    if outputs.plots:
        plots.require_matplotlib()
    columns = (*Progress.get_default_columns()[:-1], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as progress:
        bar = progress.add_task("frames", total=None)
        evaluation = evaluator.evaluate_maps(
            gt,
            pred,
            settings,
            workers=workers,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    name, subset = name or pred.resolve().name, subset or subset_of(gt)
    _show(evaluation, name, subset)
    _write(evaluation, outputs, name, subset)


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


def _show(evaluation: Evaluation, name: str, subset: str | None) -> None:
    from rich.console import Console

    from sali_core.evaluation.report import comparison_table, further_table, official_table

    console = Console()
    ends = ", first and last frames too" if evaluation.settings.keep_ends else ""
    scored = f"{len(evaluation.cases)} cases, {evaluation.frames} frames{ends}"
    _show_table(console, f"{name}: {scored}", official_table(evaluation))
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
