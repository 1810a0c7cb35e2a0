"""`sali bench clinical`: the four figures of 21 CFR 876.1520 for this installation."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from server.commands.outputs import Outputs, check_file, tell_measuring
from server.settings import FindingSettings

_RULE = FindingSettings()


def clinical(
    out: Annotated[Path, typer.Argument(help="The report, an HTML file.")],
    data: Annotated[
        Path | None, typer.Option(help="Labelled pictures: images/ and masks/ (docs/data.md).")
    ] = None,
    split: Annotated[str, typer.Option(help="Which of them, by manifest.csv.")] = "val",
    weights: Annotated[str, typer.Option(help="A shipped name or a file.")] = "small-demo",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    minutes: Annotated[float, typer.Option(min=0.1, max=600, help="Phantom video.")] = 1.5,
    seconds: Annotated[
        float, typer.Option(min=1, max=600, help="Of each live measurement.")
    ] = 10.0,
    size: Annotated[str, typer.Option(help="Of the live video, such as 1280x720.")] = "1280x720",
    fps: Annotated[int, typer.Option(min=5, max=60, help="Of the live video.")] = 25,
    seed: Annotated[int, typer.Option(min=0, help="First phantom scene.")] = 93_000,
    window: Annotated[
        int, typer.Option(min=0, max=2000, help="Window of the persistence filter, ms.")
    ] = _RULE.window_ms,
    share: Annotated[float, typer.Option(min=0.01, max=1, help="Its share.")] = _RULE.share,
    json_out: Annotated[
        Path | None, typer.Option("--json", help="Write the figures there too.")
    ] = None,
) -> None:
    """Performance, changed pixels, delay of the video and of the annotation, as a report.

    Five minutes on two cores. Starts services of its own on loopback; a running one is not
    touched, but should be idle. Research use only. Not a medical device.
    """
    Outputs(json_out).check()
    check_file("the report", out)
    from sali_core.evaluation.plots import require_matplotlib
    from server.bench.coded_video import VideoShape, parse_size
    from server.bench.processes import require_proc
    from server.bench.relay_delay import RelaySettings
    from server.clinical_bench.measure import ClinicalSettings, measure_clinical
    from server.clinical_bench.page import summary_lines, write_page
    from server.commands.bench_service import machine_facts
    from server.findings.persistence import PersistenceRule

    require_matplotlib()
    require_proc()
    width, height = parse_size(size)
    machine = machine_facts()
    settings = ClinicalSettings(
        weights=weights, device=device, data=data, split=split, phantom_minutes=minutes,
        scene_s=min(30.0, 30 * minutes), seed=seed, rule=PersistenceRule(window, share),
        live_s=seconds, pixel_pictures=round(seconds * fps),
        relay=RelaySettings(VideoShape(width, height, fps), block_s=seconds / 2, rounds=1),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        result = measure_clinical(settings, Path(folder), tell_measuring)
    write_page(result, machine, out)
    if json_out:
        content = {"notice": "Not a medical device.", "machine": machine, **result.to_dict()}
        json_out.write_text(json.dumps(content, indent=1) + "\n")
    for line in [*summary_lines(result), f"report: {out}"]:
        typer.echo(line)
