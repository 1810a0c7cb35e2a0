"""`sali ablate`: trains and scores the variants of the paper's Table 2 on one budget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def command(
    config: Annotated[
        Path, typer.Option(help="Recipe (TOML): the budget of every variant.")
    ] = Path("configs/ablations.toml"),
    data: Annotated[
        str | None, typer.Option(help="Folder with images/, masks/ and manifest.csv.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the runs and of the tables.")] = Path(
        "runs/ablation"
    ),
    backbone_weights: Annotated[
        str | None, typer.Option(help="Weights of the backbone that all start from.")
    ] = None,
    variants: Annotated[
        str, typer.Option(help="Comma-separated; all of Table 2 by default.")
    ] = "without_sam_lim,without_sam,without_lim,without_ma,without_fa,full",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each variant.")] = 3,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps of each run.")] = None,
    videos: Annotated[int, typer.Option(min=1, help="Validation stills filmed.")] = 60,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any setting of the recipe, as train.size=128; repeatable."),
    ] = None,
) -> None:
    """Train every variant with every seed, score them, print the table; goes on from OUT.

    Not a medical device: figures are for research.
    """
    from rich.progress import Progress

    from sali_core.engine.device import pick_device
    from sali_core.errors import ConfigError
    from sali_core.evaluation.network_report import ReportPlan
    from sali_core.training.ablation import VARIANTS, run_ablation, table, to_json
    from sali_core.training.recipe import parse_setting, read_recipe

    names = [name.strip() for name in variants.split(",")]
    if unknown := [name for name in names if name not in VARIANTS]:
        raise ConfigError(f"variant {unknown[0]!r}; there are: {', '.join(VARIANTS)}")
    overrides: dict[str, Any] = {
        "data.root": data, "run.backbone_weights": backbone_weights, "train.steps": steps,
    }  # fmt: skip
    overrides |= dict(parse_setting(text) for text in settings or ())
    recipe = read_recipe(config, overrides)
    plan = ReportPlan(video_stills=videos)
    with Progress() as progress:
        bars: dict[str, Any] = {}

        def show(run: str, done: int, total: int) -> None:
            if run not in bars:
                bars[run] = progress.add_task(run, total=total)
            progress.update(bars[run], completed=done)

        scores = run_ablation(
            recipe, names, range(seeds), plan, out=out, device=pick_device(device), progress=show
        )
    text = table(scores)
    (out / "table.md").write_text(text)
    (out / "scores.json").write_text(json.dumps(to_json(recipe, plan, scores), indent=2) + "\n")
    typer.echo(text)
    typer.echo(f"Dice in percent, mean ± deviation over {seeds} seeds; figures in {out}")
