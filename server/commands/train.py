"""`sali train`: trains a network by a recipe; a killed run goes on by itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sali_core.training.run import PreparedRun
    from sali_core.training.trainer import TrainEvent

_RUN, _DATA, _STEPS = "Run", "Data and clips", "Optimisation"


def command(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="Recipe (TOML), e.g. configs/small.toml; options win.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="SUN-SEG, or a folder with images/ and masks/ (and manifest.csv).",
            rich_help_panel=_DATA,
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(help="Folder of the run; an existing run goes on.", rich_help_panel=_RUN),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name written into the weights.", rich_help_panel=_RUN)
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(help="Weights to start from: a name or a file.", rich_help_panel=_RUN),
    ] = None,
    backbone_weights: Annotated[
        str | None, typer.Option(help="Weights of the backbone alone.", rich_help_panel=_RUN)
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="small, paper, paper-b2, released, ...", rich_help_panel=_RUN)
    ] = None,
    ablation: Annotated[
        str | None, typer.Option(help="full, without_sam, without_lim, ...", rich_help_panel=_RUN)
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda or cuda:N.", rich_help_panel=_RUN)
    ] = None,
    tensorboard: Annotated[
        bool | None,
        typer.Option("--tensorboard", help="Write its files too.", rich_help_panel=_RUN),
    ] = None,
    clip_frames: Annotated[
        int | None,
        typer.Option(help="1: single pictures; 3 or more: clips.", rich_help_panel=_DATA),
    ] = None,
    phantoms: Annotated[
        int | None, typer.Option(help="Phantom scenes to mix in.", rich_help_panel=_DATA)
    ] = None,
    phantom_share: Annotated[
        float | None, typer.Option(help="Share of phantom clips.", rich_help_panel=_DATA)
    ] = None,
    negative_share: Annotated[
        float | None, typer.Option(help="Share of crops without polyp.", rich_help_panel=_DATA)
    ] = None,
    hold_back: Annotated[
        float | None,
        typer.Option(help="Share kept for validation without a val split.", rich_help_panel=_DATA),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that prepare clips.", rich_help_panel=_DATA)
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Optimiser steps in all.", rich_help_panel=_STEPS)
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(help="Epochs, instead of steps.", rich_help_panel=_STEPS)
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Clips per step.", rich_help_panel=_STEPS)
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Training frame size, pixels.", rich_help_panel=_STEPS)
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="Peak learning rate.", rich_help_panel=_STEPS)
    ] = None,
    backbone_lr: Annotated[
        float | None, typer.Option(help="The backbone's.", rich_help_panel=_STEPS)
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="auto, float32 or bfloat16.", rich_help_panel=_STEPS)
    ] = None,
    validate_every: Annotated[
        int | None, typer.Option(help="Steps between validations.", rich_help_panel=_STEPS)
    ] = None,
    save_every: Annotated[
        int | None, typer.Option(help="Steps between saves.", rich_help_panel=_STEPS)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of weights and clips.", rich_help_panel=_STEPS)
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting, as train.average=0.99; repeatable."),
    ] = None,
) -> None:
    """Train by a recipe and single options over it; goes on from OUT by itself.

    Not a medical device: weights are for research.
    """
    from sali_core.training.ranks import open_ranks
    from sali_core.training.recipe import parse_setting, read_recipe
    from sali_core.training.run import prepare_run

    overrides = _overrides(context.params)
    overrides |= dict(parse_setting(text) for text in settings or ())
    recipe = read_recipe(config, overrides)
    with open_ranks(recipe.run.device) as (ranks, chosen):
        prepared = prepare_run(recipe, device=chosen, ranks=ranks)
        if ranks.is_first:
            _introduce(prepared, f"{chosen}, {ranks.size} processes")
            _run_with_progress(prepared)
        else:
            prepared.trainer.run(prepared.data.clips, None)


_SETTINGS = {
    "run": ("out", "name", "start", "backbone_weights", "device", "tensorboard"),
    "model": ("profile", "ablation"),
    "train": (
        "steps", "epochs", "batch", "size", "lr", "backbone_lr", "precision", "validate_every",
        "save_every", "workers", "seed",
    ),
    "data": ("clip_frames", "phantoms", "hold_back"),
}  # fmt: skip
_RENAMED = {
    "data.root": "data",
    "data.mix.phantom": "phantom_share",
    "data.mix.negative": "negative_share",
}


def _overrides(options: dict[str, Any]) -> dict[str, Any]:
    """Give options the names they have in a recipe."""
    named = {f"{table}.{name}": name for table, names in _SETTINGS.items() for name in names}
    return {dotted: options[name] for dotted, name in (named | _RENAMED).items()}


def _introduce(prepared: PreparedRun, where: str) -> None:
    recipe, folder = prepared.recipe, prepared.recipe.run.folder
    typer.echo(prepared.data.summary)
    typer.echo(f"{recipe.profile} ({recipe.model.ablation}) on {where}; {recipe.train.steps} steps")
    if not prepared.is_resumed:
        return
    typer.echo(f"going on from step {prepared.trainer.step} in {folder}")
    for change in prepared.changed:
        typer.echo(f"changed since the last start: {change}")


def _run_with_progress(prepared: PreparedRun) -> None:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    trainer, steps = prepared.trainer, prepared.recipe.train.steps
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=steps, completed=trainer.step)

        def show(event: TrainEvent) -> None:
            progress.update(bar, completed=event.step, description=f"loss {event.loss:.3f}")
            if event.dice is not None:
                progress.console.print(f"step {event.step}: validation Dice {event.dice:.4f}")

        trainer.run(prepared.data.clips, prepared.data.validation, show)
    folder = prepared.recipe.run.folder
    typer.echo(f"done; weights in {folder / 'best.safetensors'} and {folder / 'last.safetensors'}")
