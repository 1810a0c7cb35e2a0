from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from server.finding_bench.figures import figures_of, most_expected, quantile
from server.finding_bench.replay import follow
from server.finding_bench.report import draw_report, make_report, report_lines
from server.findings.persistence import PersistenceRule
from tests.unit.server.finding_bench.conftest import scene_of

SCENES = [
    follow(scene_of("." * 10 + "x" * 40, "." * 10 + "1" * 40)),
    follow(scene_of("." * 100 + "f" * 50 + "." * 100, "." * 250)),
    follow(scene_of("." * 50)),
]


def test_figures_are_per_hour_and_count_what_was_missed() -> None:
    figures = figures_of(SCENES, PersistenceRule(240, 0.66), 0.01)
    hours = 350 / 25 / 3600
    assert figures.false_per_hour == round(1 / hours, 1)
    assert figures.told_per_hour == round(2 / hours, 1)
    assert (figures.polyps, figures.missed) == (2, 1)
    assert (figures.delay_median_ms, figures.delay_p95_ms) == (120, 120)
    assert figures.delay_p95_all_ms is None
    assert not figures.meets_goals


def test_a_short_measurement_says_what_it_cannot_exclude() -> None:
    assert most_expected(0) == pytest.approx(3.0, abs=0.01)
    assert most_expected(6) == pytest.approx(11.84, abs=0.01)
    figures = figures_of(SCENES[:1], PersistenceRule(240, 0.66), 0.01)
    assert figures.false_per_hour == 0
    assert figures.false_per_hour_at_most == pytest.approx(3.0 * 3600 / 2, rel=0.01)


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.95)) == (50, 95)
    assert quantile([], 0.95) is None
    assert quantile([7.0], 0.95) == 7


def test_goals_are_met_where_both_are() -> None:
    figures = figures_of([SCENES[0]], PersistenceRule(240, 0.66), 0.01)
    assert figures.meets_goals


def test_a_report_shows_the_rule_beside_none_and_all_others(tmp_path: Path) -> None:
    report = make_report(SCENES, PersistenceRule(240, 0.66), 0.01)
    lines = list(report_lines(report))
    assert lines[0].startswith("made-up: 3 phantom scenes")
    assert re.match(r"\s+off", lines[2])
    assert "asked about" in lines[3]
    assert lines[-1].startswith("misses the goals")
    assert json.loads(json.dumps(report.to_content()))["default"]["window_ms"] == 240
    draw_report(report, tmp_path / "plot.svg")
    drawn = (tmp_path / "plot.svg").read_text()
    assert drawn.startswith("<?xml")
    draw_report(report, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == drawn
