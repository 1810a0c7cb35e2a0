"""`sali predict`: writes the maps of pictures, folders of frames or a video, one file a frame."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sali_core.errors import SaliError
from server.errors import ServiceError

if TYPE_CHECKING:
    from server.clip_prediction import PredictedFrame, Predictor
    from server.clip_source import SourceClip
    from server.map_files import MapFiles

_COLUMNS = (
    "clip", "frame", "tokens_8", "tokens_16", "tokens_32", "frames_held", "step_ms",
)  # fmt: skip


class PredictionStoppedError(ServiceError):
    """Prediction ended early; the maps written until then are whole and stay."""

    code = "prediction_stopped"
    title = "The prediction ended early"


def command(
    source: Annotated[
        Path, typer.Option(help="A picture, a video, a folder of frames, or folders of those.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the maps; mirrors the source.")],
    weights: Annotated[str, typer.Option(help="A shipped name or a file.")] = "small-demo",
    mode: Annotated[
        Literal["live", "reference"],
        typer.Option(help="reference: the authors' evaluation, for weights of topology released."),
    ] = "live",
    output_format: Annotated[
        Literal["png", "npy"],
        typer.Option(
            "--format",
            help="png: 8-bit probabilities, size of the source; npy: float32 logits, of the model.",
        ),
    ] = "png",
    write_every: Annotated[
        int | None, typer.Option(min=1, help="A frame enters memory every so many (default 5).")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    model: Annotated[
        str, typer.Option(help="What runs the weights: an installed model or module:function.")
    ] = "sali",
    stats: Annotated[
        bool, typer.Option("--stats", help="Print a CSV line per frame: memory held, time.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite maps that exist.")] = False,
) -> None:
    """Write one map per frame of SOURCE; every folder of pictures is a clip of its own.

    Research use only. Not a medical device.
    """
    # Read when torch is first imported. Its threads otherwise wait for each other in a busy loop,
    # and on a machine that does other work too a frame can take ten times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

    from server.clip_source import find_clips
    from server.map_files import MapFiles

    clips = find_clips(source)
    files = MapFiles(out, output_format)
    files.check(source, clips, overwrites=force)

    from server.clip_prediction import create_predictor

    predictor = create_predictor(
        weights, device, mode=mode, model=model, write_every_frames=write_every
    )
    typer.echo("Research use only. Not a medical device.", err=True)
    started = time.perf_counter()
    try:
        _write_maps(predictor, clips, files, prints_stats=stats)
    except (ServiceError, SaliError) as exc:
        if not files.written:
            raise
        raise PredictionStoppedError(
            f"{exc}; the {files.written} maps written before stay in {out}"
        ) from exc
    seconds = time.perf_counter() - started
    info = predictor.info
    typer.echo(
        f"{files.written} frames, {len(clips)} clip(s), {seconds:.1f} s "
        f"({info.name}, {mode}, {info.engine} on {info.device}); maps in {out}",
        err=True,
    )


def _write_maps(
    predictor: Predictor, clips: list[SourceClip], files: MapFiles, *, prints_stats: bool
) -> None:
    lines = csv.writer(sys.stdout, lineterminator="\n")
    if prints_stats:
        lines.writerow(_COLUMNS)
    for clip, frame in _with_progress(predictor, clips):
        write_frame(files, clip, frame)
        if prints_stats:
            lines.writerow(_line(clip, frame))


def write_frame(files: MapFiles, clip: SourceClip, frame: PredictedFrame) -> None:
    """Write the map of one frame of a clip.

    Raises:
        OutputError: It cannot be written.
    """
    files.write(
        clip.name,
        frame.stem,
        logits=frame.prediction.logits,
        probability=frame.prediction.probability,
        size=frame.size,
    )


def _with_progress(
    predictor: Predictor, clips: list[SourceClip]
) -> Iterator[tuple[SourceClip, PredictedFrame]]:
    """Yield every frame's result, with a bar on standard error if that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    counts = [clip.frame_count for clip in clips]
    total = None if None in counts else sum(count or 0 for count in counts)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("frames", total=total)
        for clip in clips:
            for frame in predictor.predict(clip.read()):
                yield clip, frame
                progress.advance(bar)


def _line(clip: SourceClip, frame: PredictedFrame) -> list[str | int]:
    memory = frame.prediction.memory
    held: list[str | int] = [""] * 4
    if memory is not None:
        held = [*memory.token_counts, memory.frames_held]
    return [str(clip.name), frame.stem, *held, f"{frame.step_ms:.1f}"]
