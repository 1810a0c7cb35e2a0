"""`sali train`: trains a profile on stills and phantom scenes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sali_core.training.trainer import TrainEvent


def command(
    data: Annotated[Path, typer.Option(help="Folder with images/, masks/ and manifest.csv.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; an existing run goes on.")],
    profile: Annotated[str, typer.Option(help="small or paper.")] = "small",
    backbone_weights: Annotated[
        Path | None, typer.Option(help="timm classification weights of the backbone (.pth).")
    ] = None,
    steps: Annotated[int, typer.Option(help="Optimiser steps in all.")] = 1200,
    batch: Annotated[int, typer.Option(help="Clips of three frames per step.")] = 8,
    size: Annotated[int, typer.Option(help="Training frame size, pixels.")] = 256,
    lr: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-3,
    backbone_lr: Annotated[float, typer.Option(help="Peak learning rate of the backbone.")] = 3e-4,
    phantoms: Annotated[int, typer.Option(help="Phantom scenes to mix in; 0 for none.")] = 40,
    validate_every: Annotated[int, typer.Option(help="Steps between validations.")] = 200,
    workers: Annotated[int, typer.Option(help="Processes that prepare clips.")] = 1,
    seed: Annotated[int, typer.Option(help="Of weights, clips and phantoms.")] = 0,
    name: Annotated[str, typer.Option(help="Name written into the weights.")] = "untitled",
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "auto",
) -> None:
    """Train on DATA (split train), validate on its split val; resumes from OUT by itself."""
    import torch

    from sali_core.config import get_profile
    from sali_core.data.clips import ClipDataset
    from sali_core.data.phantom_videos import create_phantom_videos
    from sali_core.data.stills import StillFolder
    from sali_core.engine.device import pick_device
    from sali_core.model.network import SaliNetwork
    from sali_core.training.trainer import TrainConfig, Trainer
    from sali_core.weights.store import load_backbone

    config = TrainConfig(
        steps=steps, batch=batch, size=size, lr=lr, backbone_lr=backbone_lr,
        validate_every=validate_every, workers=workers, seed=seed,
    )  # fmt: skip
    torch.manual_seed(seed)
    network = SaliNetwork(get_profile(profile))
    trainer = Trainer(network, config, out, name=name, profile=profile, device=pick_device(device))
    if trainer.resume():
        typer.echo(f"going on from step {trainer.step} in {out}")
    elif backbone_weights:
        load_backbone(network, backbone_weights)
    videos = create_phantom_videos(phantoms, size, first_seed=1000 * (seed + 1))
    clips = ClipDataset(StillFolder(data, "train"), videos, size=size, seed=seed)
    _run_with_progress(trainer, clips, StillFolder(data, "val"), steps)


def _run_with_progress(trainer, clips, validation, steps: int) -> None:  # type: ignore[no-untyped-def]  # heavy types are imported inside the command
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns) as progress:
        bar = progress.add_task("training", total=steps, completed=trainer.step)

        def show(event: TrainEvent) -> None:
            progress.update(bar, completed=event.step, description=f"loss {event.loss:.3f}")
            if event.dice is not None:
                progress.console.print(f"step {event.step}: validation Dice {event.dice:.4f}")

        trainer.run(clips, validation, show)
    typer.echo("done; weights in best.safetensors and last.safetensors")
