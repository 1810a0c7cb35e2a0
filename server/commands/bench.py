"""`sali bench model`: how fast a network runs here; the others are in files of their own."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from sali_core.errors import ConfigError
from server.commands import bench_service
from server.commands.bench_clinical import clinical
from server.commands.bench_findings import findings
from server.commands.outputs import Outputs, tell_measuring
from server.termination import clean_up_when_terminated

app = typer.Typer(help="Measure this machine.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure this machine."""
    # The services and publishers that a benchmark starts end with it.
    clean_up_when_terminated()


app.command("media")(bench_service.media)
app.command("relay")(bench_service.relay)
app.command("inputs")(bench_service.inputs)
app.command("viewers")(bench_service.viewers)
app.command("findings")(findings)
app.command("clinical")(clinical)


@app.command("model")
def model(
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    weights: Annotated[
        str | None, typer.Option(help="A shipped name or a file (default small-demo).")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="Random weights of this profile instead: speed only.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="Engines to compare, such as eager,openvino (default all).")
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(help="Streams stepped together, such as 1,2,4 (default: while it keeps up)."),
    ] = None,
    bank: Annotated[int, typer.Option(min=1, help="Frames of a full memory.")] = 35,
    frames: Annotated[int, typer.Option(min=1, help="Frames of a stream, at most.")] = 600,
    seconds: Annotated[
        float, typer.Option(min=1, max=3600, help="Time for all but imports and engine starts.")
    ] = 120.0,
    fps: Annotated[float, typer.Option(min=1, max=240, help="Frame rate of a room.")] = 25.0,
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write the figures there too.")
    ] = None,
    plots: Annotated[Path | None, typer.Option(help="Draw plots into this folder.")] = None,
) -> None:
    """Compare every engine on this machine; the last line says what it is good for.

    Research use only. Not a medical device.
    """
    if weights and profile:
        raise ConfigError("give --weights or --profile, not both")
    # Read when torch is first imported; see `sali predict`.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    Outputs(json_out, plots=plots).check()

    from sali_core.bench.model import BenchSettings, bench_model
    from sali_core.bench.networks import save_random_weights
    from sali_core.bench.plots import draw_report
    from sali_core.bench.text import report_lines
    from sali_core.config import get_profile
    from sali_core.weights.registry import DEFAULT_NAME, resolve_weights

    settings = BenchSettings(
        device, _names(engine), _numbers(batch), bank=bank, frames=frames, seconds=seconds, fps=fps
    )
    command = ["sali", *sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        if profile:
            path = save_random_weights(Path(folder), profile, get_profile(profile))
        else:
            path = resolve_weights(weights or DEFAULT_NAME)
        report = bench_model(path, settings, command, progress=tell_measuring)
    if json_out:
        json_out.write_text(json.dumps(report.to_dict(), indent=2) + "\n")
    for line in report_lines(report):
        typer.echo(line)
    if plots:
        draw_report(report, plots)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",")) if text else ()


def _numbers(text: str | None) -> tuple[int, ...]:
    parts = _names(text)
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ConfigError(f"--batch {text!r}: give positive numbers such as 1,2,4")
    return tuple(int(part) for part in parts)
