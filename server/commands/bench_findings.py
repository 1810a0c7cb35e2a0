"""`sali bench findings`: false findings an hour and delay, over rules of persistence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from server.commands.outputs import Outputs, check_file
from server.settings import FindingSettings

_DEFAULT = FindingSettings()


def findings(
    folder: Annotated[
        Path, typer.Argument(help="Recorded scenes; those that are missing are recorded first.")
    ],
    minutes: Annotated[
        float, typer.Option(min=0, help="Minutes of phantom the folder is to hold; 0: as it is.")
    ] = 60.0,
    seed: Annotated[
        int, typer.Option(min=0, help="First scene; training uses those below 90,000.")
    ] = 92_000,
    seconds: Annotated[float, typer.Option(min=2, max=600, help="Length of a scene.")] = 30.0,
    window: Annotated[
        int, typer.Option(min=0, max=2000, help="Window of the rule in question, ms.")
    ] = _DEFAULT.window_ms,
    share: Annotated[float, typer.Option(min=0.01, max=1, help="Its share.")] = _DEFAULT.share,
    sight: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of the picture from which a polyp is in sight."),
    ] = 0.01,
    weights: Annotated[str, typer.Option(help="A shipped name or a file.")] = "small-demo",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write the figures there too.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the trade-off into this SVG file.")
    ] = None,
) -> None:
    """Measure the persistence filter on phantom scenes with known polyps.

    The network runs once over each scene (about 50 ms of a core a frame); the folder keeps what it
    found, so a run can be stopped and goes on, and rules are compared in seconds. Every second
    scene has no polyp. Research use only. Not a medical device.
    """
    Outputs(json_out).check()
    check_file("--plot", plot)
    from server.finding_bench.recording import FPS, choose_scenes, read_scenes, record_scenes
    from server.finding_bench.replay import follow
    from server.finding_bench.report import draw_report, make_report, report_lines
    from server.findings.persistence import PersistenceRule

    if minutes:
        from sali_core.engine import create_engine

        scenes = choose_scenes(minutes, seed, seconds, FPS)
        record_scenes(create_engine(weights, device), scenes, folder, _say)
    recorded = [follow(scene) for scene in read_scenes(folder)]
    report = make_report(recorded, PersistenceRule(window, share), sight)
    if json_out:
        json_out.write_text(json.dumps(report.to_content(), indent=1) + "\n")
    for line in report_lines(report):
        typer.echo(line)
    if plot:
        draw_report(report, plot)


def _say(what: str) -> None:
    typer.echo(f"recorded: {what}", err=True)
