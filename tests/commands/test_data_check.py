"""`sali data check` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sali_core.data.sun_seg import SPLITS, PublishedSplit
from sali_core.errors import DatasetError
from server.commands.data import app
from tests.fakes.sun_seg_tree import write_stills, write_sun_seg

POLYPS = Path(__file__).parents[3] / "shared" / "data" / "polyps"


def test_a_complete_sun_seg_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, split in SPLITS.items():
        monkeypatch.setitem(SPLITS, name, PublishedSplit(split.folder, 2, 8))
    root = write_sun_seg(tmp_path / "SUN-SEG")
    result = CliRunner().invoke(app, ["check", str(root)])
    assert result.exit_code == 0
    assert "SUN-SEG: SUN-SEG" in result.stdout
    assert "hard_unseen" in result.stdout
    assert "all good; 40 pairs read" in result.stdout


def test_faults_are_listed_and_the_exit_status_is_1(tmp_path: Path) -> None:
    root = write_sun_seg(tmp_path / "SUN-SEG")
    broken = next((root / "TestEasyDataset/Seen/Frame/case2_1").iterdir())
    broken.write_bytes(b"junk")
    out = tmp_path / "report.json"
    result = CliRunner().invoke(app, ["check", str(root), "--json", str(out), "--threads", "2"])
    assert result.exit_code == 1
    assert "TrainDataset: 2 cases, 112 published" in result.stdout
    assert f"{broken.relative_to(root)}: cannot be read as a picture" in result.stdout
    report = json.loads(out.read_text())
    assert report["layout"] == "SUN-SEG"
    assert report["opened"] == 40
    assert {"file": "TestHardDataset/Seen", "what": "2 cases, 17 published"} in report["problems"]


def test_many_faults_are_cut_short(tmp_path: Path) -> None:
    root = write_sun_seg(tmp_path / "SUN-SEG")
    for mask in (root / "TrainDataset/GT").rglob("*.png"):
        mask.unlink()
    for mask in (root / "TestHardDataset").rglob("*.png"):
        mask.unlink()
    result = CliRunner().invoke(app, ["check", str(root), "--quick"])
    assert result.exit_code == 1
    assert "and 9 more; --json FILE lists them all" in result.stdout
    assert "34 problems; no file opened" in result.stdout


def test_stills_are_recognised(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(write_stills(tmp_path / "s"))])
    assert result.exit_code == 0
    assert "images and masks, no manifest" in result.stdout


def test_a_wrong_folder_is_an_error_of_ours(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert isinstance(result.exception, DatasetError)


def test_the_polyp_stills_are_as_described() -> None:
    if not POLYPS.is_dir():
        pytest.skip(f"{POLYPS} is not there")
    result = CliRunner().invoke(app, ["check", str(POLYPS), "--quick"])
    assert result.exit_code == 0
    assert "1424" in result.stdout
    assert "188" in result.stdout
