"""Plots of a report: latency against streams, against memory frames, and stage by stage."""

from __future__ import annotations

from pathlib import Path

from sali_core.bench.results import BenchReport
from sali_core.errors import ConfigError


def draw_report(report: BenchReport, folder: Path) -> list[Path]:
    """Write PNG files into a folder, which is made; return them.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError(
            "plots need matplotlib: install it, or leave out the plots; the figures are kept "
            "with --json"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    written = []

    def save(figure: Figure, name: str) -> None:
        figure.suptitle(f"{report.weights} on {report.machine.gpu or report.machine.cpu}")
        figure.tight_layout()
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=120)
        written.append(path)

    figure = Figure(figsize=(7, 4))
    axes = figure.add_subplot(xlabel="streams stepped together", ylabel="ms per step")
    for engine in report.engines:
        streams = [run.batch for run in engine.runs]
        (line,) = axes.plot(
            streams, [run.step.p50_ms for run in engine.runs], "o-", label=f"{engine.engine} p50"
        )
        axes.plot(
            streams,
            [run.step.p99_ms for run in engine.runs],
            "o--",
            color=line.get_color(),
            label=f"{engine.engine} p99",
        )
    axes.set_ylim(bottom=0)
    axes.legend()
    save(figure, "latency_by_streams")

    figure = Figure(figsize=(7, 4))
    axes = figure.add_subplot(xlabel="frames in memory", ylabel="ms per step, median")
    for engine in report.engines:
        held, ms = zip(*engine.runs[0].by_bank, strict=True)
        axes.plot(held, ms, "o-", label=engine.engine)
    axes.set_ylim(bottom=0)
    axes.legend()
    save(figure, "latency_by_bank")

    if report.stages:
        figure = Figure(figsize=(7, 4))
        axes = figure.add_subplot(ylabel="ms, median, eager torch")
        axes.bar(list(report.stages.median_ms), list(report.stages.median_ms.values()))
        save(figure, "stages")
    return written
