"""`sali data`: looks at data sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from sali_core.data.check import DataReport

app = typer.Typer(help="Look at data sets.", no_args_is_help=True)

_SHOWN_PROBLEMS = 25


@app.callback()
def _group() -> None:
    """Look at data sets."""


@app.command("check")
def check(
    root: Annotated[Path, typer.Argument(help="SUN-SEG, or a folder with images/ and masks/.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Count and compare names; open no picture.")
    ] = False,
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write the whole report there too.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Readers; 0 for one per core.", min=0)] = 0,
) -> None:
    """Count files against what was published and read them all; exits 1 if anything is wrong."""
    from rich.console import Console
    from rich.progress import Progress

    from sali_core.data.check import check_data

    with Progress(console=Console(stderr=True), transient=True, disable=quick) as progress:
        bar = progress.add_task("reading", total=None)
        report = check_data(
            root,
            quick=quick,
            threads=threads or None,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    if json_out:
        json_out.write_text(json.dumps(report.to_json(), indent=2) + "\n")
    _print_report(report, Console(soft_wrap=True, highlight=False))
    if not report.is_good:
        raise typer.Exit(1)


def _print_report(report: DataReport, console: Console) -> None:
    from rich.table import Table

    console.print(f"{report.root}: {report.layout}", markup=False)
    columns: dict[str, list[str] | list[int] | list[int | None]] = {
        "split": [part.name for part in report.parts],
        "cases": [part.cases for part in report.parts],
        "cases published": [part.published_cases for part in report.parts],
        "frames": [part.frames for part in report.parts],
        "frames published": [part.published_frames for part in report.parts],
        "with mask": [part.masks for part in report.parts],
    }
    # Stills have no cases, and nobody published their counts.
    shown = {name: column for name, column in columns.items() if None not in column}
    table = Table(*shown)
    for row in zip(*shown.values(), strict=True):
        table.add_row(*map(str, row))
    console.print(table)
    for problem in report.problems[:_SHOWN_PROBLEMS]:
        console.print(f"{problem.path}: {problem.what}", markup=False)
    more = len(report.problems) - _SHOWN_PROBLEMS
    if more > 0:
        console.print(f"and {more} more; --json FILE lists them all")
    read = f"{report.opened} pairs read" if report.opened else "no file opened"
    verdict = "all good" if report.is_good else f"{len(report.problems)} problems"
    console.print(f"{verdict}; {read}")
