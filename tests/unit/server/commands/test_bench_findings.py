from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.finding_bench.recording import choose_scenes, record_scenes
from tests.fakes.command_line import one_line, sali
from tests.unit.server.finding_bench.test_recording import SquareModel, ignore


def test_a_recorded_folder_is_reported_without_running_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out, plot = tmp_path / "scenes", tmp_path / "out.json", tmp_path / "plot.svg"
    record_scenes(SquareModel(), choose_scenes(0.1, 92_000, 3.0, 10.0), folder, ignore)
    options = ["--minutes", "0", "--json", out, "--plot", plot, "--window", "400"]
    assert sali(monkeypatch, "bench", "findings", folder, *options) == 0
    shown = capsys.readouterr().out
    assert "square: 2 phantom scenes, 0.1 minutes" in shown
    content = json.loads(out.read_text())
    assert content["default"]["window_ms"] == 400
    assert content["off"]["false_per_hour"] >= content["default"]["false_per_hour"]
    assert plot.read_text().startswith("<?xml")


def test_an_empty_folder_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sali(monkeypatch, "bench", "findings", tmp_path, "--minutes", "0") != 0
    assert "no recorded scenes" in one_line(capsys)


def test_a_place_that_cannot_be_written_is_said_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "missing" / "plot.svg"
    assert sali(monkeypatch, "bench", "findings", tmp_path, "--plot", plot) != 0
    assert "--plot" in one_line(capsys)
