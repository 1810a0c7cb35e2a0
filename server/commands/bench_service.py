"""`sali bench media`, `relay`, `inputs`, `viewers`: the running service, measured from outside."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import typer

from server.commands.outputs import Outputs, tell_measuring
from server.errors import BenchError

if TYPE_CHECKING:
    from server.bench.coded_video import VideoShape

Size = Annotated[str, typer.Option(help="Width and height of the source, such as 1280x720.")]
Fps = Annotated[int, typer.Option(min=5, max=60, help="Frame rate of the source.")]
Kbps = Annotated[int, typer.Option(min=200, max=50_000, help="Rate of the source, kbit/s.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the figures there too.")]
Plots = Annotated[Path | None, typer.Option(help="Draw plots (SVG) into this folder.")]
Page = Annotated[
    Path | None,
    typer.Option(help="Put the report between its marks in this page (docs/benchmarks/media.md)."),
]
_Result = TypeVar("_Result")


def media(
    source: Annotated[
        str, typer.Option(help="Kinds of sources: file,rtsp,whip.")
    ] = "file,rtsp,whip",
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="Of each mode.")] = 20.0,
    size: Size = "1280x720",
    fps: Fps = 25,
    kbps: Kbps = 4000,
    step_ms: Annotated[int, typer.Option(min=0, help="Time of a step of the stand-in model.")] = 30,
    weights: Annotated[
        str | None, typer.Option(help="Run these weights instead: no frame match is told.")
    ] = None,
    json_out: Json = None,
    plots: Plots = None,
    page: Page = None,
) -> None:
    """Capture to glass, in a headless Chromium, with and without the AI; masks on their frames.

    Research use only. Not a medical device.
    """
    from server.bench.glass import KINDS, GlassKind, GlassSettings, measure_glass
    from server.bench.report import glass_lines

    kinds = tuple(part.strip() for part in source.split(","))
    if not kinds or not set(kinds) <= set(KINDS):
        raise BenchError(f"--source {source!r}: give some of {','.join(KINDS)}")
    output = _Output("media", json_out, plots, page)
    settings = GlassSettings(
        _shape(size, fps, kbps), cast("tuple[GlassKind, ...]", kinds), seconds, step_ms, weights
    )
    result = output.measure(lambda folder: measure_glass(settings, folder, tell_measuring))
    output.write(glass_lines(result), result.to_dict())
    output.draw(result.delays_ms, "capture to glass")


def relay(
    seconds: Annotated[float, typer.Option(min=1, max=600, help="Of each block.")] = 10.0,
    rounds: Annotated[int, typer.Option(min=1, help="Blocks of each condition.")] = 5,
    player: Annotated[
        str, typer.Option(help="packets (an RTSP source), or chromium (a WebRTC source).")
    ] = "packets",
    size: Size = "1280x720",
    fps: Fps = 25,
    kbps: Kbps = 4000,
    json_out: Json = None,
    plots: Plots = None,
    page: Page = None,
) -> None:
    """Delay added by the relay against a direct player; AI at work, slow, stopped and killed."""
    from server.bench.chromium import require_chromium
    from server.bench.relay_delay import Player, RelaySettings, measure_relay
    from server.bench.report import RELAY_BOUND_MS, relay_lines

    if player not in ("packets", "chromium"):
        raise BenchError(f"--player {player!r}: give packets or chromium")
    if player == "chromium":
        require_chromium()
    output = _Output("relay" if player == "packets" else "relay-chromium", json_out, plots, page)
    settings = RelaySettings(_shape(size, fps, kbps), seconds, rounds, cast("Player", player))
    result = output.measure(
        lambda folder: asyncio.run(measure_relay(settings, folder, tell_measuring))
    )
    output.write(relay_lines(result), result.to_dict())
    output.draw(result.delays_ms, "delay added by the relay", RELAY_BOUND_MS)


def inputs(
    inputs: Annotated[int, typer.Option(min=1, max=64, help="How many.")] = 16,
    minutes: Annotated[float, typer.Option(min=0.01, max=600, help="How long.")] = 10.0,
    source: Annotated[str, typer.Option(help="rtsp or whip.")] = "rtsp",
    size: Size = "1280x720",
    fps: Fps = 25,
    kbps: Kbps = 2000,
    step_ms: Annotated[int, typer.Option(min=0, help="Time of a step of the stand-in model.")] = 10,
    json_out: Json = None,
    page: Page = None,
) -> None:
    """Share of pictures decoded of many inputs of one server process, and its processor time."""
    from server.bench.many_inputs import InputsSettings, measure_inputs
    from server.bench.publisher import PublisherKind
    from server.bench.report import inputs_lines

    if source not in ("rtsp", "whip"):
        raise BenchError(f"--source {source!r}: give rtsp or whip")
    output = _Output("inputs", json_out, None, page)
    kind = cast("PublisherKind", source)
    settings = InputsSettings(_shape(size, fps, kbps), inputs, minutes * 60, kind, step_ms)
    result = output.measure(
        lambda folder: asyncio.run(measure_inputs(settings, folder, tell_measuring))
    )
    output.write(inputs_lines(result), result.to_dict())


def viewers(
    viewers: Annotated[int, typer.Option(min=2, max=16, help="How many, against one.")] = 8,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="Of each block.")] = 10.0,
    rounds: Annotated[int, typer.Option(min=1, help="Blocks of each kind.")] = 3,
    size: Size = "1920x1080",
    fps: Fps = 30,
    kbps: Kbps = 4000,
    json_out: Json = None,
    page: Page = None,
) -> None:
    """What viewers of one stream cost the server: processor time, and no encoder."""
    from server.bench.many_viewers import ViewersSettings, measure_viewers
    from server.bench.report import viewers_lines

    output = _Output("viewers", json_out, None, page)
    settings = ViewersSettings(_shape(size, fps, kbps), viewers, seconds, rounds)
    result = output.measure(
        lambda folder: asyncio.run(measure_viewers(settings, folder, tell_measuring))
    )
    output.write(viewers_lines(result), result.to_dict())


@dataclass
class _Output:
    """Where the figures of one benchmark go; `name` is its command's."""

    name: str
    json: Path | None
    plots: Path | None
    page: Path | None
    machine: dict[str, Any] = field(default_factory=dict)

    def measure(self, run: Callable[[Path], _Result]) -> _Result:
        """Look over the places to write to, then run the benchmark in a folder of its own."""
        from server.bench.processes import require_proc
        from server.bench.report import check_section

        Outputs(self.json, plots=self.plots).check()
        if self.page:
            check_section(self.page, self.name)
        require_proc()
        # Before the work, which would count as load.
        self.machine = machine_facts()
        with tempfile.TemporaryDirectory() as folder:
            return run(Path(folder))

    def write(self, lines: Sequence[str], result: dict[str, Any]) -> None:
        """Show the report, and write it where it was asked for."""
        from server.bench.report import conditions_line, to_json, write_section

        shown = [*lines, "", conditions_line(self.machine)]
        for line in shown:
            typer.echo(line)
        if self.json:
            self.json.write_text(to_json(self.machine, result))
        if self.page:
            write_section(self.page, self.name, shown)

    def draw(
        self, delays_ms: Mapping[str, Sequence[float]], title: str, bound_ms: float | None = None
    ) -> None:
        """Draw the delays, if plots were asked for."""
        if self.plots:
            from server.bench.plots import draw_delays

            path = self.plots / f"{self.name}.svg"
            draw_delays(delays_ms, path, title=title, bound_ms=bound_ms)


def machine_facts() -> dict[str, Any]:
    """Describe this machine."""
    import torch

    from sali_core.bench.machine import describe_machine

    command = ["sali", *sys.argv[1:]]
    return describe_machine(torch.device("cpu"), command).to_dict()


def _shape(size: str, fps: int, kbps: int) -> VideoShape:
    from server.bench.coded_video import VideoShape, parse_size

    width, height = parse_size(size)
    return VideoShape(width, height, fps, kbps=kbps)
