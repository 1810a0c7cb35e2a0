"""The report as one HTML page without scripts, for people who do not program."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from server.bench.percentiles import Percentiles
from server.bench.plots import draw_delays
from server.bench.relay_delay import Condition
from server.clinical_bench.measure import ClinicalResult
from server.clinical_bench.performance import PicturePerformance, Share, VideoPerformance
from server.finding_bench.figures import Figures
from server.masks.message import NOTICE

ACCEPTED_ANNOTATION_MS = 120
"""Delay of the annotation accepted by the FDA for the first such device (DEN200055)."""

_STYLE = """
body { font: 17px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .35rem .6rem;
  border-bottom: 1px solid #ccc; vertical-align: top; } th { width: 58%; font-weight: 400; }
td { font-variant-numeric: tabular-nums; font-weight: 600; }
.notice { border: 2px solid #8a4b00; background: #fff6e8; padding: .6rem 1rem; font-weight: 600; }
.why, footer { color: #555; font-size: .92rem; } svg { max-width: 100%; height: auto; }
@media print { body { margin: 0; } h2 { break-after: avoid; } table, svg { break-inside: avoid; } }
"""

_WORDS: dict[Condition, str] = {
    "working": "at work",
    "slow": "slow, half a second a picture",
    "stopped": "standing still, again and again",
    "killed": "crashing, again and again",
}

Row = tuple[str, str]


def write_page(result: ClinicalResult, machine: Mapping[str, Any], path: Path) -> None:
    """Write the page; plots are drawn into it where matplotlib is installed."""
    parts = [
        f"<h1>What {escape(result.model)} does on this installation</h1>",
        f'<p class="notice">{escape(NOTICE)} These figures describe this installation on this '
        "day, mostly on a phantom: a drawn colon whose polyps are known. They say nothing of any "
        "patient, and replace no clinical study.</p>",
        _section(
            "1. Performance",
            "Are polyps found, and how often is something shown that is none?",
            [*_picture_rows(result.pictures), *_video_rows(result.video)],
        ),
        _section(
            "2. Changed pixels",
            "Is the video that people watch the endoscope's own? Every point of every picture "
            "that a viewer received was compared with the source. Outlines are drawn over the "
            "video by the viewer and are no part of it.",
            [
                ("Pictures compared", f"{result.pixels.pictures}"),
                ("Pictures with any different point", f"{result.pixels.differing}"),
                ("Largest difference (of 255)", f"{result.pixels.largest}"),
                ("Foreign pictures", f"{result.pixels.unknown}"),
            ],
        ),
        _section(
            "3. Delay of the video",
            "How much later does a picture come through this service than straight from the "
            "source? The video must not wait for the AI, whatever becomes of it: at work, slow, "
            "stopped or killed.",
            [
                (f"AI {_WORDS[one.condition]}: added (half / 99 of 100)", _delay(one.added))
                for one in result.relay.conditions
            ],
            {_WORDS[c.condition]: result.relay.delays_ms[c.condition]
             for c in result.relay.conditions},
        ),
        _section(
            "4. Delay of the annotation",
            "How long after a picture's arrival is its outline there? The viewer shows a picture "
            "together with its own outline or without one, never with another picture's. For the "
            f"first such device the FDA accepted {ACCEPTED_ANNOTATION_MS} ms.",
            [
                ("Delay (half / 99 of 100)", _delay(result.annotation.delay)),
                ("Pictures that got an answer of the AI",
                 f"{result.annotation.masked} of {result.annotation.pictures}"),
            ],
            {"annotation": result.annotation.delays_ms},
        ),
        f"<footer><p>{escape(_conditions(machine))}</p><p>The figures are those that 21 CFR "
        "876.1520 names; how each is measured: docs/clinical-bench.md.</p></footer>",
    ]  # fmt: skip
    title = escape(f"SALI Live: {result.model}")
    path.write_text(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def summary_lines(result: ClinicalResult) -> list[str]:
    """The same in few lines, for the screen."""
    rows = [
        *_picture_rows(result.pictures),
        *_video_rows(result.video),
        ("Pixels changed in the relayed video", _changed(result)),
        *(
            (f"Video delay added, AI {_WORDS[one.condition]}", _delay(one.added))
            for one in result.relay.conditions
        ),
        ("Annotation delay", _delay(result.annotation.delay)),
    ]
    width = max(len(name) for name, _ in rows)
    return [f"{result.model}. {NOTICE}", *(f"{name:<{width}}  {value}" for name, value in rows)]


def _picture_rows(pictures: PicturePerformance | None) -> list[Row]:
    if pictures is None:
        return [("Labelled pictures", "none given (--data)")]
    return [
        ("Labelled pictures", f"{pictures.pictures}"),
        ("Polyps found on them (a fifth or more covered)", _share(pictures.polyps_found)),
        ("Regions shown there that are no polyp", f"{pictures.false_regions}"),
        ("Agreement with the labels (Dice / IoU)", f"{pictures.dice:.3f} / {pictures.iou:.3f}"),
    ]


def _video_rows(video: VideoPerformance) -> list[Row]:
    alarms = video.alarms_per_minute
    found = video.findings
    return [
        ("Phantom video", f"{video.minutes:g} minutes"),
        ("Frames with a polyp in sight on which it is outlined", _share(video.frames_found)),
        ("Frames without a polyp on which nothing is outlined", _share(video.frames_clear)),
        ("False outlines a minute, of any length", "-" if alarms is None else f"{alarms:.1f}"),
        ("False findings an hour, by this installation's filter", _false(found)),
        ("The same without the filter", _false(video.unfiltered)),
        ("Polyps told as findings", f"{found.polyps - found.missed} of {found.polyps}"),
        ("From sight until told (half / 95 of 100)",
         f"{_ms(found.delay_median_ms)} / {_ms(found.delay_p95_ms)}"),
    ]  # fmt: skip


def _false(figures: Figures) -> str:
    return (
        f"{figures.false_per_hour:.0f} (so short a measurement cannot exclude "
        f"{figures.false_per_hour_at_most:.0f})"
    )


def _section(
    title: str,
    why: str,
    rows: Sequence[Row],
    delays_ms: Mapping[str, Sequence[float]] | None = None,
) -> str:
    cells = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
    plot = _plot(delays_ms) if delays_ms else ""
    return f'<h2>{escape(title)}</h2><p class="why">{escape(why)}</p><table>{cells}</table>{plot}'


def _plot(delays_ms: Mapping[str, Sequence[float]]) -> str:
    """An SVG inside the page."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plot.svg"
        draw_delays(delays_ms, path, title="share of the pictures by their delay", bound_ms=None)
        svg = path.read_text()
    return svg[svg.index("<svg") :]


def _changed(result: ClinicalResult) -> str:
    pixels = result.pixels
    if pixels.is_identical:
        return f"none, in {pixels.pictures} pictures"
    return f"in {pixels.differing + pixels.unknown} of {pixels.pictures + pixels.unknown} pictures"


def _share(share: Share) -> str:
    if share.value is None or share.interval is None:
        return "-"
    low, high = share.interval
    return (
        f"{share.value:.1%} ({share.part} of {share.whole}; 95 % interval {low:.1%} to {high:.1%})"
    )


def _delay(delay: Percentiles | None) -> str:
    return "nothing came" if delay is None else f"{delay.p50_ms:.0f} / {delay.p99_ms:.0f} ms"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"


def _conditions(machine: Mapping[str, Any]) -> str:
    return (
        f"{machine['date']}, {machine['cpu']}, {machine['cores']} cores, load before "
        f"{machine['load_before']}. {machine['command']}"
    )
