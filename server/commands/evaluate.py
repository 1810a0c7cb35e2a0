"""`sali evaluate`: scores weights on labelled stills, each as the first frame of a stream."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def command(
    data: Annotated[Path, typer.Option(help="Folder with images/, masks/ and manifest.csv.")],
    weights: Annotated[str, typer.Option(help="A shipped name or a .safetensors file.")] = (
        "small-demo"
    ),
    split: Annotated[str, typer.Option(help="Split of the manifest to score.")] = "val",
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write the figures there too.")
    ] = None,
) -> None:
    """Print Dice and IoU of WEIGHTS on DATA at the threshold of their card."""
    from rich.progress import Progress

    from sali_core.data.stills import StillFolder
    from sali_core.evaluation.single_frames import score_single_frames
    from sali_core.weights.registry import resolve_weights
    from sali_core.weights.store import load_network

    network, header = load_network(resolve_weights(weights))
    pictures = StillFolder(data, split)
    with Progress(transient=True) as progress:
        bar = progress.add_task(split, total=len(pictures))
        scores = score_single_frames(
            network,
            pictures,
            progress=lambda done, _total: progress.update(bar, completed=done),
        )
    dice, iou = scores.at(header.threshold)
    best = scores.best_threshold
    figures = {
        "weights": header.name,
        "split": split,
        "pictures": len(pictures),
        "threshold": header.threshold,
        "dice": round(dice, 4),
        "iou": round(iou, 4),
        "best_threshold": best,
        "dice_at_best_threshold": round(scores.at(best)[0], 4),
    }
    for name, value in figures.items():
        typer.echo(f"{name:24}{value}")
    if json_out:
        json_out.write_text(json.dumps(figures, indent=2) + "\n")
