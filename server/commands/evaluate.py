"""`sali evaluate`: scores any method's maps, or weights on labelled stills."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sali_core.errors import ConfigError
from server.commands.evaluate_maps import Outputs, evaluate_maps
from server.commands.evaluate_weights import WeightsSource, report_weights, score_weights

_MAPS, _WEIGHTS = "Maps of any method", "Weights on stills"
_WEIGHTS_OPTIONS = ("data", "weights", "split", "report", "phantom_minutes", "model", "device")


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
    csv_out: Annotated[
        Path | None,
        typer.Option("--csv", help="Write a line per case there.", rich_help_panel=_MAPS),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write a page there.", rich_help_panel=_MAPS)
    ] = None,
    plots: Annotated[
        Path | None,
        typer.Option(help="Draw curves, cases and worst frames there.", rich_help_panel=_MAPS),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes; 0: one per core.", rich_help_panel=_MAPS)
    ] = 0,
    name: Annotated[
        str | None, typer.Option(help="Of the method, in the tables.", rich_help_panel=_MAPS)
    ] = None,
    subset: Annotated[
        str | None,
        typer.Option(
            help="SUN-SEG test set to compare with published figures: easy-seen, easy-unseen, "
            "hard-seen, hard-unseen; told from the path of --gt where it can be.",
            rich_help_panel=_MAPS,
        ),
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="Of the fixed masks, on map / 255.", rich_help_panel=_MAPS)
    ] = 0.5,
    fps: Annotated[
        float, typer.Option(help="Frames per second of the videos.", rich_help_panel=_MAPS)
    ] = 25.0,
    alarm_area: Annotated[
        float,
        typer.Option(help="Share of the picture that makes an alarm.", rich_help_panel=_MAPS),
    ] = 0.001,
    keep_ends: Annotated[
        bool,
        typer.Option(
            "--keep-ends",
            help="Score first and last frames too; not the official protocol.",
            rich_help_panel=_MAPS,
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder with images/, masks/ and manifest.csv.", rich_help_panel=_WEIGHTS
        ),
    ] = None,
    weights: Annotated[
        str,
        typer.Option(help="A shipped name or a .safetensors file.", rich_help_panel=_WEIGHTS),
    ] = "small-demo",
    split: Annotated[
        str, typer.Option(help="Split of the manifest to score.", rich_help_panel=_WEIGHTS)
    ] = "val",
    report: Annotated[
        bool,
        typer.Option(
            "--report",
            help="All figures of a weights card; takes half an hour on two cores.",
            rich_help_panel=_WEIGHTS,
        ),
    ] = False,
    phantom_minutes: Annotated[
        float,
        typer.Option(
            min=0.01, help="Phantom without polyps, for --report.", rich_help_panel=_WEIGHTS
        ),
    ] = 10.0,
    model: Annotated[
        str,
        typer.Option(
            help="What runs the weights: an installed model or module:function.",
            rich_help_panel=_WEIGHTS,
        ),
    ] = "sali",
    device: Annotated[
        str, typer.Option(help="auto, cpu or cuda.", rich_help_panel=_WEIGHTS)
    ] = "auto",
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write the figures there too.")
    ] = None,
) -> None:
    """Score maps (--gt and --pred) by the SUN-SEG protocol, or weights (--data) on stills.

    Not a medical device: figures are for research.
    """
    _refuse_mixtures(context)
    if gt and pred:
        from sali_core.evaluation.evaluator import EvaluationSettings

        settings = EvaluationSettings(
            threshold=threshold, fps=fps, alarm_area=alarm_area, keep_ends=keep_ends
        )
        outputs = Outputs(json_out, csv_out, markdown, plots)
        evaluate_maps(gt, pred, settings, outputs, name=name, subset=subset, workers=workers)
    elif data:
        source = WeightsSource(data, split, weights, model, device)
        if report:
            report_weights(source, json_out, phantom_minutes)
        else:
            score_weights(source, json_out)


def _refuse_mixtures(context: typer.Context) -> None:
    """Refuse options of both kinds, or of neither.

    Raises:
        ConfigError: The text says what is missing or too much.
    """
    given = {
        option.name: option.opts[0]
        for option in context.command.params
        if option.name
        and (source := context.get_parameter_source(option.name))
        and source.name == "COMMANDLINE"
    }
    of_weights = [flag for key, flag in given.items() if key in _WEIGHTS_OPTIONS]
    of_maps = [flag for key, flag in given.items() if key not in (*_WEIGHTS_OPTIONS, "json_out")]
    if of_weights and of_maps:
        raise ConfigError(
            f"{of_maps[0]} scores maps and {of_weights[0]} scores weights; "
            "give --gt and --pred, or --data and --weights, not both"
        )
    if of_weights and "data" not in given:
        raise ConfigError(f"{of_weights[0]} needs --data, the folder with images/ and masks/")
    for one, other in (("gt", "pred"), ("pred", "gt")):
        if one in given and other not in given:
            raise ConfigError(f"--{one} needs --{other}, the folder of the other masks")
    if not of_weights and "gt" not in given:
        raise ConfigError(
            "nothing to score: give --gt DIR --pred DIR for maps, or --data DIR [--weights W]"
        )
