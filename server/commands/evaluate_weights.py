"""The part of `sali evaluate` that scores weights: single frames, or every figure of a card."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from sali_core.errors import ConfigError
from server.commands.outputs import Outputs
from server.worker.models import find_factory


@dataclass(frozen=True)
class WeightsSource:
    """What is scored, on what."""

    data: Path
    split: str
    weights: str
    model: str
    device: str


def score_weights(source: WeightsSource, json_out: Path | None) -> None:
    """Print Dice and IoU of SALI weights on stills at the threshold of their card, and at others.

    Raises:
        ConfigError: The weights are run by another model; use --report.
    """
    from rich.progress import Progress

    from sali_core.data.stills import StillFolder
    from sali_core.evaluation.single_frames import THRESHOLDS, score_single_frames
    from sali_core.weights.registry import resolve_weights
    from sali_core.weights.store import load_network

    if source.model != "sali":
        raise ConfigError(f"model {source.model!r}: only --report scores other models than 'sali'")
    outputs = Outputs(json_out)
    outputs.check()
    network, header = load_network(resolve_weights(source.weights))
    pictures = StillFolder(source.data, source.split)
    with Progress(transient=True) as progress:
        bar = progress.add_task(source.split, total=len(pictures))
        scores = score_single_frames(
            network,
            pictures,
            thresholds=sorted({*THRESHOLDS, header.threshold}),
            peak_threshold=header.peak_threshold,
            progress=lambda done, _total: progress.update(bar, completed=done),
        )
    dice, iou = scores.at(header.threshold)
    best = scores.best_threshold
    figures = {
        "weights": header.name,
        "split": source.split,
        "pictures": len(pictures),
        "threshold": header.threshold,
        "peak_threshold": header.peak_threshold,
        "dice": round(dice, 4),
        "iou": round(iou, 4),
        "best_threshold": best,
        "dice_at_best_threshold": round(scores.at(best)[0], 4),
    }
    _show(figures, json_out)


def report_weights(source: WeightsSource, json_out: Path | None, phantom_minutes: float) -> None:
    """Print every figure of a weights card (`sali_core.evaluation.network_report`)."""
    from rich.progress import Progress

    from sali_core.data.stills import StillFolder
    from sali_core.evaluation.network_report import ReportPlan, report_network

    Outputs(json_out).check()
    model = find_factory(source.model)(source.weights, source.device)
    stills = StillFolder(source.data, source.split)
    plan = ReportPlan(phantom_minutes=phantom_minutes)
    with Progress(transient=True) as progress:
        bars: dict[str, Any] = {}

        def show(part: str, done: int, total: int) -> None:
            if part not in bars:
                bars[part] = progress.add_task(part, total=total)
            progress.update(bars[part], completed=done)

        figures = report_network(model, stills, plan, show)
    _show(figures, json_out)


def _show(figures: dict[str, Any], json_out: Path | None) -> None:
    for name, value in _flat(figures):
        typer.echo(f"{name:58}{value}")
    if json_out:
        json_out.write_text(json.dumps(figures, indent=2) + "\n")


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append((prefix + name, value))
    return rows
