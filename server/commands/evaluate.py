"""`sali evaluate`: scores any method's maps, a network on SUN-SEG, or weights on stills."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from sali_core.errors import ConfigError
from server.commands.evaluate_maps import check_subsets, evaluate_maps
from server.commands.evaluate_video_sets import find_video_sets
from server.commands.evaluate_videos import NetworkRun, evaluate_videos
from server.commands.evaluate_weights import WeightsSource, report_weights, score_weights
from server.commands.outputs import Outputs

_MAPS, _SCORING = "Maps of any method", "Scoring of maps and of SUN-SEG"
_NETWORK, _VIDEOS, _STILLS = "A network", "A network on SUN-SEG", "A network on stills"

# Options by what they are for; --json is for all.
_OF_MAPS = ("gt", "pred")
_OF_SCORING = (
    "csv_out", "markdown", "plots", "workers", "name", "subset", "threshold", "fps", "alarm_area",
    "keep_ends",
)  # fmt: skip
_OF_NETWORK = ("data", "weights", "model", "device")
_OF_VIDEOS = ("mode", "maps")
_OF_STILLS = ("split", "report", "phantom_minutes")


def command(
    context: typer.Context,
    gt: Annotated[
        Path | None,
        typer.Option(help="True masks: a folder per case.", rich_help_panel=_MAPS),
    ] = None,
    pred: Annotated[
        Path | None,
        typer.Option(help="Maps of a method, same names.", rich_help_panel=_MAPS),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="SUN-SEG (all or some of its test sets), or a folder with images/, masks/ and "
            "manifest.csv.",
            rich_help_panel=_NETWORK,
        ),
    ] = None,
    weights: Annotated[
        str,
        typer.Option(help="A shipped name or a .safetensors file.", rich_help_panel=_NETWORK),
    ] = "small-demo",
    model: Annotated[
        str,
        typer.Option(
            help="What runs the weights: an installed model or module:function.",
            rich_help_panel=_NETWORK,
        ),
    ] = "sali",
    device: Annotated[
        str, typer.Option(help="auto, cpu or cuda.", rich_help_panel=_NETWORK)
    ] = "auto",
    mode: Annotated[
        Literal["live", "reference"],
        typer.Option(
            help="reference: the authors' evaluation, for weights of topology released.",
            rich_help_panel=_VIDEOS,
        ),
    ] = "live",
    maps: Annotated[
        Path | None,
        typer.Option(
            help="Keep the maps there; a stopped run goes on from them.", rich_help_panel=_VIDEOS
        ),
    ] = None,
    subset: Annotated[
        list[str] | None,
        typer.Option(
            help="SUN-SEG test set: easy-seen, easy-unseen, hard-seen, hard-unseen. Of --data "
            "those to score (repeatable, or with commas; all that are there). Of --gt the one to "
            "compare with published figures (told from the path where it can be).",
            rich_help_panel=_SCORING,
        ),
    ] = None,
    csv_out: Annotated[
        Path | None,
        typer.Option("--csv", help="Write a line per case there.", rich_help_panel=_SCORING),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write a page there.", rich_help_panel=_SCORING)
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(help="Draw curves, cases and worst frames there.", rich_help_panel=_SCORING),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes; 0: one per core.", rich_help_panel=_SCORING)
    ] = 0,
    name: Annotated[
        str | None, typer.Option(help="Of the method, in the tables.", rich_help_panel=_SCORING)
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Of the fixed masks, on map / 255 (maps 0.5, a network its own).",
            rich_help_panel=_SCORING,
        ),
    ] = None,
    fps: Annotated[
        float, typer.Option(help="Frames per second of the videos.", rich_help_panel=_SCORING)
    ] = 25.0,
    alarm_area: Annotated[
        float,
        typer.Option(help="Share of the picture that makes an alarm.", rich_help_panel=_SCORING),
    ] = 0.001,
    keep_ends: Annotated[
        bool,
        typer.Option(
            "--keep-ends",
            help="Score first and last frames too; not the official protocol.",
            rich_help_panel=_SCORING,
        ),
    ] = False,
    split: Annotated[
        str, typer.Option(help="Split of the manifest to score.", rich_help_panel=_STILLS)
    ] = "val",
    report: Annotated[
        bool,
        typer.Option(
            "--report",
            help="All figures of a weights card; takes half an hour on two cores.",
            rich_help_panel=_STILLS,
        ),
    ] = False,
    phantom_minutes: Annotated[
        float,
        typer.Option(
            min=0.01, help="Phantom without polyps, for --report.", rich_help_panel=_STILLS
        ),
    ] = 10.0,
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write the figures there too.")
    ] = None,
) -> None:
    """Score maps (--gt and --pred), or a network (--weights and --data) on SUN-SEG or on stills.

    Not a medical device: figures are for research.
    """
    given = _given(context)
    _refuse_mixtures(given)
    if data and (data / "images").is_dir():
        for_videos = (*_OF_VIDEOS, *_OF_SCORING)
        _refuse(given, for_videos, f"is for maps and for SUN-SEG; {data} holds stills (images/)")
        source = WeightsSource(data, split, weights, model, device)
        if report:
            report_weights(source, json_out, phantom_minutes)
        else:
            score_weights(source, json_out)
        return
    # Read when torch is first imported: see `sali predict`.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

    from sali_core.evaluation.evaluator import EvaluationSettings

    settings = EvaluationSettings(
        threshold=0.5 if threshold is None else threshold,
        fps=fps,
        alarm_area=alarm_area,
        keep_ends=keep_ends,
    )
    outputs = Outputs(json_out, csv_out, markdown, plots)
    subsets = [part.strip() for text in subset or () for part in text.split(",")]
    check_subsets(subsets)
    if data:
        sets = find_video_sets(data, subsets, keep_ends=keep_ends)
        _refuse(given, _OF_STILLS, f"is for stills; {data} is SUN-SEG (--subset picks test sets)")
        evaluate_videos(
            NetworkRun(data, weights, model, device, mode, maps),
            sets,
            settings,
            outputs,
            takes_own_threshold=threshold is None,
            name=name,
            workers=workers,
        )
    elif gt and pred:
        if subsets[1:]:
            raise ConfigError("--subset: the maps in --pred are of one test set; name one")
        only = subsets[0] if subsets else None
        evaluate_maps(gt, pred, settings, outputs, name=name, subset=only, workers=workers)


def _given(context: typer.Context) -> dict[str, str]:
    """Return the options on the command line: their flags by the names of their arguments."""
    return {
        option.name: option.opts[0]
        for option in context.command.params
        if option.name
        and (source := context.get_parameter_source(option.name))
        and source.name == "COMMANDLINE"
    }


def _refuse_mixtures(given: dict[str, str]) -> None:
    """Refuse options of both kinds, or of neither.

    Raises:
        ConfigError: The text says what is missing or too much.
    """
    of_maps = [flag for key, flag in given.items() if key in _OF_MAPS]
    of_network = [
        flag for key, flag in given.items() if key in (*_OF_NETWORK, *_OF_VIDEOS, *_OF_STILLS)
    ]
    if of_network and of_maps:
        raise ConfigError(
            f"{of_maps[0]} scores maps and {of_network[0]} scores a network; "
            "give --gt and --pred, or --data and --weights, not both"
        )
    if of_network and "data" not in given:
        raise ConfigError(
            f"{of_network[0]} needs --data: SUN-SEG, or a folder with images/ and masks/"
        )
    for one, other in (("gt", "pred"), ("pred", "gt")):
        if one in given and other not in given:
            raise ConfigError(f"--{one} needs --{other}, the folder of the other masks")
    if not of_network and not of_maps:
        raise ConfigError(
            "nothing to score: give --gt DIR --pred DIR for maps, or --data DIR [--weights W]"
        )


def _refuse(given: dict[str, str], names: tuple[str, ...], reason: str) -> None:
    """Refuse options that the data at hand has no use for."""
    for key, flag in given.items():
        if key in names:
            raise ConfigError(f"{flag} {reason}")
