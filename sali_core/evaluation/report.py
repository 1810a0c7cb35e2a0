"""An evaluation as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from io import StringIO
from typing import Any

from sali_core.evaluation.evaluator import Evaluation, Figures, further_figures
from sali_core.evaluation.protocol import FIGURES, official_figures
from sali_core.evaluation.published import PublishedRow, columns_of, load_published

Table = list[list[str]]
"""Rows of cells; the first row holds the headings."""


def json_of(evaluation: Evaluation) -> dict[str, Any]:
    """Return the toolbox's figures by name, and all else under four more keys.

    `beyond_toolbox` holds the further figures, `cases` both for each case, `settings` what was
    chosen, `notes` what was left out. A figure that the data cannot tell is null.
    """
    settings = evaluation.settings
    cases = {
        case.name: {
            "frames": case.frames,
            **official_figures(case.scores),
            "beyond_toolbox": further_figures([case.trace], settings),
        }
        for case in evaluation.cases
    }
    return {
        **evaluation.official(),
        "beyond_toolbox": evaluation.further(),
        "cases": cases,
        "settings": vars(settings) | {"frames": evaluation.frames},
        "notes": list(evaluation.notes),
    }


def csv_of(evaluation: Evaluation) -> str:
    """Return one line per case and a last line `all`; unknown figures are empty."""
    return _csv_text(_csv_lines(evaluation))


def csv_of_sets(evaluations: Mapping[str, Evaluation]) -> str:
    """Return the same for several test sets by name, with a leading column `subset`."""
    lines: list[list[object]] = []
    for subset, evaluation in evaluations.items():
        head, *rows = _csv_lines(evaluation)
        lines = lines or [["subset", *head]]
        lines += [[subset, *row] for row in rows]
    return _csv_text(lines)


def _csv_lines(evaluation: Evaluation) -> list[list[object]]:
    settings = evaluation.settings
    lines: list[tuple[str, int, dict[str, float], Figures]] = [
        (
            case.name,
            case.frames,
            official_figures(case.scores),
            further_figures([case.trace], settings),
        )
        for case in evaluation.cases
    ]
    lines.append(("all", evaluation.frames, evaluation.official(), evaluation.further()))
    head: list[object] = ["case", "frames", *FIGURES, *lines[0][3]]
    return [head] + [
        [name, frames, *official.values(), *further.values()]
        for name, frames, official, further in lines
    ]


def _csv_text(lines: list[list[object]]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()


def official_table(evaluation: Evaluation) -> Table:
    """Return the toolbox's figures, a measure a row: as is, mean, max and adaptive."""
    figures = evaluation.official()
    rows = [["measure", "value", "mean", "max", "adaptive"]]
    rows += [
        [name, _number(figures[name]), "", "", ""] for name in ("Smeasure", "wFmeasure", "MAE")
    ]
    for name in ("Em", "Fm", "Sen", "Spe", "Dice", "IoU"):
        kinds = [figures.get(kind + name) for kind in ("mean", "max", "adp")]
        rows.append([name, "", *("" if value is None else _number(value) for value in kinds)])
    return rows


def further_table(evaluation: Evaluation) -> Table:
    """Return the figures beyond the toolbox, a figure a row."""
    named = evaluation.further().items()
    return [["beyond the toolbox", "value"], *([name, _number(value)] for name, value in named)]


def comparison_table(evaluation: Evaluation, subset: str, name: str) -> Table:
    """Return the published rows of a SUN-SEG test set with ours, called `name`, as the last."""
    rows = load_published().on(subset)
    ours = PublishedRow(name, "", subset, "ours", evaluation.official())
    columns = columns_of(rows)
    table = [["method", "backbone", *columns, "source"]]
    for row in (*rows, ours):
        cells = [_number(row.figures[key]) if key in row.figures else "" for key in columns]
        table.append([row.method, row.backbone, *cells, row.source])
    return table


def markdown_of(evaluation: Evaluation, name: str, subset: str | None) -> str:
    """Return the whole evaluation as a Markdown page."""
    parts = [f"# Evaluation of {name}", *_sections(evaluation, name, subset, "##")]
    return "\n\n".join(parts) + "\n"


def markdown_of_sets(evaluations: Mapping[str, Evaluation], name: str) -> str:
    """Return several SUN-SEG test sets, by name, on one Markdown page."""
    parts = [f"# Evaluation of {name} on SUN-SEG"]
    for subset, evaluation in evaluations.items():
        parts += [f"## {subset}", *_sections(evaluation, name, subset, "###")]
    return "\n\n".join(parts) + "\n"


def _sections(evaluation: Evaluation, name: str, subset: str | None, level: str) -> list[str]:
    """Return all that is told of one test set, under headings of a level such as `##`."""
    settings = evaluation.settings
    parts = [
        f"{len(evaluation.cases)} cases, {evaluation.frames} frames scored"
        + (" (every frame: not the official protocol)" if settings.keep_ends else "")
        + ". Figures of research software; not a medical device.",
        f"{level} By the SUN-SEG protocol",
        markdown_table(official_table(evaluation)),
        f"{level} Beyond the toolbox",
        f"Masks at map / 255 >= {settings.threshold:g}, {settings.fps:g} frames per second, "
        f"an alarm covers at least {settings.alarm_area:g} of the picture.",
        markdown_table(further_table(evaluation)),
    ]
    if subset:
        parts += [f"{level} Beside published figures", *_comparison(evaluation, subset, name)]
    parts += [f"{level} Cases", markdown_table(case_table(evaluation))]
    parts += [f"- {note}" for note in evaluation.notes]
    return parts


def case_table(evaluation: Evaluation) -> Table:
    """Return the main figures of each case, the worst mean Dice first."""
    columns = ("Smeasure", "meanEm", "wFmeasure", "meanDice", "maxDice", "meanIoU", "MAE")
    scored = [(case, official_figures(case.scores)) for case in evaluation.cases]
    scored.sort(key=lambda pair: pair[1]["meanDice"])
    table = [["case", "frames", *columns]]
    for case, figures in scored:
        table.append([case.name, str(case.frames), *(_number(figures[key]) for key in columns)])
    return table


def markdown_table(table: Table) -> str:
    """Return a table in Markdown; cells hold no vertical bars."""
    head, *rows = table
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _comparison(evaluation: Evaluation, subset: str, name: str) -> list[str]:
    published = load_published()
    used = dict.fromkeys(row.source for row in published.on(subset))
    sources = [f"- {key}: {published.sources[key].title}, {published.sources[key].address} "
               f"(figures by {published.sources[key].by})" for key in used]  # fmt: skip
    return [
        f"SUN-SEG {subset}. An empty cell was not published at that source.",
        markdown_table(comparison_table(evaluation, subset, name)),
        "\n".join(sources),
        "Not at hand, so not shown: " + "; ".join(published.absent) + ".",
    ]


def _number(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"
