"""Sweeps the persistence filter over a recording: figures, text and plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sali_core.evaluation.plots import require_matplotlib
from server.finding_bench.figures import (
    GOAL_DELAY_MS,
    GOAL_FALSE_PER_HOUR,
    Figures,
    figures_of,
)
from server.finding_bench.replay import FollowedScene
from server.findings.persistence import PersistenceRule

WINDOWS_MS = (120, 240, 400, 500, 600, 800)
SHARES = (0.5, 0.66, 0.8, 1.0)
_OFF = PersistenceRule(window_ms=0)


@dataclass(frozen=True)
class FindingReport:
    """What was measured.

    Attributes:
        model: Name of the weights.
        minutes: Length of the scenes together.
        scenes: How many.
        least_share: Share of the picture from which a polyp is in sight.
        off: Without a filter: everything is told at once.
        default: By the rule asked about.
        sweep: By every rule of `WINDOWS_MS` and `SHARES`.
    """

    model: str
    minutes: float
    scenes: int
    least_share: float
    off: Figures
    default: Figures
    sweep: tuple[Figures, ...]

    def to_content(self) -> dict[str, Any]:
        """Return the report as JSON takes it."""
        return {"notice": "Not a medical device.", **asdict(self)}


def make_report(
    scenes: Sequence[FollowedScene], rule: PersistenceRule, least_share: float
) -> FindingReport:
    """Apply the rule, no rule, and every rule of the sweep to scenes."""
    rules = [PersistenceRule(window, share) for window in WINDOWS_MS for share in SHARES]
    return FindingReport(
        model=", ".join(sorted({followed.scene.model for followed in scenes})),
        minutes=round(sum(followed.scene.hours for followed in scenes) * 60, 2),
        scenes=len(scenes),
        least_share=least_share,
        off=figures_of(scenes, _OFF, least_share),
        default=figures_of(scenes, rule, least_share),
        sweep=tuple(figures_of(scenes, each, least_share) for each in rules),
    )


def report_lines(report: FindingReport) -> Iterator[str]:
    """Yield what is shown of a report."""
    yield (
        f"{report.model}: {report.scenes} phantom scenes, {report.minutes:g} minutes, "
        f"{report.off.polyps} times a polyp came into sight "
        f"({report.least_share:.1%} of the picture)"
    )
    yield "window  share   false/h repeated/h told/h   missed   median   p95 of those told"
    yield _line("off", "", report.off)
    rule = report.default
    yield _line(f"{rule.window_ms} ms", f"{rule.share:g}", rule, mark="  <- asked about")
    for figures in report.sweep:
        yield _line(f"{figures.window_ms} ms", f"{figures.share:g}", figures)
    yield (
        f"{report.minutes:g} minutes with {rule.false_per_hour:g} false findings an hour cannot "
        f"exclude {rule.false_per_hour_at_most:g} (95 %)"
    )
    words = "meets" if rule.meets_goals else "misses"
    yield (
        f"{words} the goals: {GOAL_FALSE_PER_HOUR:g} false findings an hour, first told within "
        f"{GOAL_DELAY_MS:g} ms (p95)"
    )


def draw_report(report: FindingReport, path: Path) -> None:
    """Draw the trade-off as SVG.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    require_matplotlib()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "sali", "svg.fonttype": "path"}):
        figure = Figure(figsize=(7.5, 4.8))
        axes = figure.add_subplot(
            xlabel="false findings an hour", ylabel="from sight until told, ms (p95 of those told)"
        )
        axes.set_xscale("symlog", linthresh=1)
        axes.fill_between([-0.2, GOAL_FALSE_PER_HOUR], 0, GOAL_DELAY_MS, color="0.92", label="goal")
        for window in WINDOWS_MS:
            rules = [figures for figures in report.sweep if figures.window_ms == window]
            told = [(f.false_per_hour, f.delay_p95_ms, f.share) for f in rules if f.delay_p95_ms]
            false = [each[0] for each in told]
            axes.plot(false, [each[1] for each in told], "o-", markersize=4, label=f"{window} ms")
            for x, y, share in told:
                axes.annotate(
                    f"{share:g}", (x, y), fontsize=6, xytext=(3, 3), textcoords="offset points"
                )
        for figures, marker, name in (
            (report.off, "s", "no filter"),
            (report.default, "*", "default"),
        ):
            point = figures.false_per_hour, figures.delay_p95_ms or 0
            axes.plot(*point, marker, color="black", markersize=9, zorder=5, label=name)
        axes.set_xlim(left=-0.2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_ylim(bottom=0)
        axes.legend(title="window; share beside", fontsize=7, title_fontsize=7)
        axes.set_title(f"{report.model}, {report.minutes:g} minutes of phantom", fontsize=9)
        figure.tight_layout()
        figure.savefig(path, format="svg", metadata={"Date": None})


def _line(window: str, share: str, figures: Figures, mark: str = "") -> str:
    return (
        f"{window:>7} {share:>6} {figures.false_per_hour:>9.1f} "
        f"{figures.repeated_per_hour:>10.0f} {figures.told_per_hour:>6.0f} "
        f"{figures.missed:>4} of {figures.polyps:<4}{_ms(figures.delay_median_ms):>8} "
        f"{_ms(figures.delay_p95_ms):>8}{mark}"
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"
