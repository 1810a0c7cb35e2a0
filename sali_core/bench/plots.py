"""Plots of a report: latency against streams, against memory frames, and stage by stage."""

from __future__ import annotations

from pathlib import Path

from sali_core.bench.results import BenchReport
from sali_core.evaluation.plots import require_matplotlib


def draw_report(report: BenchReport, folder: Path) -> list[Path]:
    """Write PNG files into a folder, which is made; return them.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

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
        full = [run for run in engine.runs if run.bank_frames == report.bank]
        streams = [run.batch for run in full]
        (line,) = axes.plot(
            streams, [run.step.p50_ms for run in full], "o-", label=f"{engine.engine} p50"
        )
        axes.plot(
            streams,
            [run.step.p99_ms for run in full],
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
