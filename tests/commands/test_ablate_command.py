from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.blobs import write_blobs
from tests.fakes.command_line import one_line, sali


def test_the_command_prints_a_table_and_keeps_the_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = write_blobs(tmp_path / "data")
    out = tmp_path / "runs"
    status = sali(
        monkeypatch, "ablate", "--data", data, "--out", out, "--variants", "without_sam_lim,full",
        "--seeds", "1",
        "--steps", "1", "--videos", "1", "--set", "train.size=64", "--set", "model.input_size=64",
        "--set", "train.batch=2", "--set", "train.workers=0",
    )  # fmt: skip
    assert status == 0
    printed = capsys.readouterr().out
    assert "| without_sam_lim | 1 |" in printed
    assert (out / "table.md").read_text() in printed
    figures = json.loads((out / "scores.json").read_text())
    assert [score["variant"] for score in figures["scores"]] == ["without_sam_lim", "full"]
    assert figures["recipe"]["train"]["steps"] == 1


def test_an_unknown_variant_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ("ablate", "--data", tmp_path, "--variants", "without_everything")
    assert sali(monkeypatch, *arguments) == 1
    assert one_line(capsys) == (
        "sali: error: variant 'without_everything'; there are: without_sam_lim, without_sam, "
        "without_lim, without_ma, without_fa, full"
    )
