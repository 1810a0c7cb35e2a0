"""The part of `sali evaluate` that runs a network over SUN-SEG's test sets and scores its maps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from sali_core.errors import SaliError
from server.commands.evaluate_maps import (
    frames_progress,
    score_maps,
    show_evaluation,
)
from server.commands.evaluate_video_sets import VideoSet
from server.commands.outputs import Outputs
from server.commands.predict import PredictionStoppedError, write_frame
from server.errors import ServiceError

if TYPE_CHECKING:
    from sali_core.evaluation.evaluator import Evaluation, EvaluationSettings
    from sali_core.stream.model import ModelInfo
    from server.clip_prediction import Mode, Predictor
    from server.clip_source import SourceClip
    from server.map_files import MapFiles
    from server.map_folder import MapOrigin


@dataclass(frozen=True)
class NetworkRun:
    """What is run, how, and where its maps go.

    Attributes:
        data: The data set's folder, in which no map is ever written.
        weights: A shipped name or a file.
        model: What runs the weights (`server.worker.models`).
        device: `auto`, `cpu`, `cuda`, `cuda:N`.
        mode: As of `create_predictor`.
        maps: Where maps are kept, and taken from where they are; None: thrown away afterwards.
    """

    data: Path
    weights: str
    model: str
    device: str
    mode: Mode
    maps: Path | None


def evaluate_videos(
    run: NetworkRun,
    sets: Sequence[VideoSet],
    settings: EvaluationSettings,
    outputs: Outputs,
    *,
    takes_own_threshold: bool,
    name: str | None,
    workers: int,
) -> None:
    """Run a network over test sets, score its maps, show the tables, write what was asked for.

    Args:
        run: The network.
        sets: What it is run over.
        settings: Of scoring.
        outputs: Files to write.
        takes_own_threshold: The weights' own threshold replaces that of `settings`.
        name: Of the method, in the tables; None for the weights' own.
        workers: Scoring processes; 0: one per core.

    Raises:
        ConfigError, CheckpointError, OutputError: Said before the work.
        PredictionStoppedError: The network or a picture failed midway.
        DatasetError: A mask cannot be read.
    """
    outputs.check()
    with _map_folder(run.maps) as folder:
        info, origin = _write_maps(run, sets, folder)
        if takes_own_threshold:
            settings = replace(settings, threshold=info.threshold)
        name, evaluations = name or info.name, {}
        for one in sets:
            scored = score_maps(
                one.truth, folder / one.subset, settings, workers=workers, label=one.subset
            )
            evaluations[one.subset] = replace(scored, notes=(*scored.notes, *one.notes))
            show_evaluation(evaluations[one.subset], name, one.subset)
        _write(evaluations, outputs, name, {"name": info.name, **asdict(origin)})


@contextmanager
def _map_folder(kept: Path | None) -> Iterator[Path]:
    if kept:
        yield kept
        return
    with TemporaryDirectory(prefix="sali-maps-") as folder:
        yield Path(folder)


def _write_maps(
    run: NetworkRun, sets: Sequence[VideoSet], folder: Path
) -> tuple[ModelInfo, MapOrigin]:
    """Write the maps that are not there yet, whole cases at a time."""
    from server.clip_prediction import create_predictor
    from server.map_files import MapFiles
    from server.map_folder import claim_folder, origin_of

    files = MapFiles(folder, "png")
    clips = [clip for one in sets for clip in one.clips]
    files.check(run.data, clips, overwrites=True)
    predictor = create_predictor(run.weights, run.device, mode=run.mode, model=run.model)
    origin = origin_of(run.weights, run.model, run.mode)
    claim_folder(folder, origin)
    todo = [clip for clip in clips if not files.hold(clip)]
    info = predictor.info
    typer.echo(
        f"Research use only. Not a medical device.\n{len(todo)} of {len(clips)} cases to run "
        f"({info.name}, {run.mode}, {info.engine} on {info.device})",
        err=True,
    )
    try:
        _run(predictor, todo, files)
    except (ServiceError, SaliError) as exc:
        if not run.maps or not files.written:
            raise
        raise PredictionStoppedError(
            f"{exc}; maps written before stay in {folder}, and the same command goes on from there"
        ) from exc
    return info, origin


def _run(predictor: Predictor, clips: Sequence[SourceClip], files: MapFiles) -> None:
    with frames_progress() as progress:
        bar = progress.add_task("maps", total=sum(clip.frame_count or 0 for clip in clips))
        for clip in clips:
            progress.update(bar, description=str(clip.name))
            for frame in predictor.predict(clip.read()):
                write_frame(files, clip, frame)
                progress.advance(bar)


def _write(
    evaluations: Mapping[str, Evaluation], outputs: Outputs, name: str, network: Mapping[str, str]
) -> None:
    from sali_core.evaluation.plots import write_plots
    from sali_core.evaluation.report import csv_of_sets, json_of, markdown_of_sets

    if outputs.json:
        told = {
            subset: json_of(evaluation) | {"network": network}
            for subset, evaluation in evaluations.items()
        }
        outputs.json.write_text(json.dumps(told, indent=2, allow_nan=False) + "\n")
    if outputs.csv:
        outputs.csv.write_text(csv_of_sets(evaluations))
    if outputs.markdown:
        outputs.markdown.write_text(markdown_of_sets(evaluations, name))
    if outputs.plots:
        for subset, evaluation in evaluations.items():
            write_plots(evaluation, outputs.plots / subset)
