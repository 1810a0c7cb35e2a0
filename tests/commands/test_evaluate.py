"""`sali evaluate` on folders of maps: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sali_core.evaluation import plots
from tests.fakes.command_line import one_line, sali

_OFFICIAL = Path(__file__).parents[2].parent / "shared/data/metrics"


def _sali(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    return sali(monkeypatch, "evaluate", *arguments)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Truth in SUN-SEG's layout, and maps of a method called `mine`."""
    gt, pred = tmp_path / "SUN-SEG/TestEasyDataset/Unseen", tmp_path / "mine"
    for case in ("case1_1", "case2_2"):
        for number in range(4):
            truth = np.zeros((20, 24), np.uint8)
            truth[5:12, 5 + number : 14 + number] = 255
            for root in (gt / "GT", pred):
                path = root / case / f"f_image{number:04}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(truth).save(path)
    return gt, pred


@pytest.mark.skipif(not _OFFICIAL.is_dir(), reason="the official figures are not at hand")
def test_the_official_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    arguments = ("--gt", _OFFICIAL / "GT", "--pred", _OFFICIAL / "Pred", "--json", out)
    assert _sali(monkeypatch, *arguments) == 0
    told = json.loads(out.read_text())
    for name, value in json.loads((_OFFICIAL / "expected.json").read_text()).items():
        assert told[name] == pytest.approx(value, abs=1e-6), name


def test_tables_files_and_the_test_set_told_from_the_path(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folders: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    gt, pred = folders
    outputs = [tmp_path / name for name in ("o.json", "o.csv", "o.md")]
    options = [
        f"--{kind}={path}" for kind, path in zip(("json", "csv", "markdown"), outputs, strict=True)
    ]
    assert _sali(monkeypatch, "--gt", gt, "--pred", pred, *options) == 0
    shown = capsys.readouterr().out
    assert "mine on easy-unseen: 2 cases, 4 frames" in shown
    assert "SUN-SEG easy-unseen" in shown
    assert "false_alarms_per_minute" in shown
    told = json.loads(outputs[0].read_text())
    assert told["maxDice"] == pytest.approx(1)
    assert told["beyond_toolbox"]["dice"] == 1
    assert outputs[1].read_text().splitlines()[-1].startswith("all,4,")
    assert outputs[2].read_text().startswith("# Evaluation of mine\n")


def test_plots_are_refused_before_the_work_without_matplotlib(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folders: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda _name: None)
    gt, pred = folders
    assert _sali(monkeypatch, "--gt", gt, "--pred", pred, "--plots", tmp_path / "plots") == 1
    assert "sali-live[eval]" in one_line(capsys)
    assert not (tmp_path / "plots").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "nothing to score: give --gt DIR --pred DIR for maps, or --data DIR"),
        (("--gt", "x"), "--gt needs --pred"),
        (("--pred", "x"), "--pred needs --gt"),
        (
            ("--gt", "x", "--pred", "y", "--data", "z"),
            "--gt scores maps and --data scores a network",
        ),
        (("--data", "z"), "z: no such folder"),
        (("--mode", "live"), "--mode needs --data: SUN-SEG, or a folder with images/"),
        (("--gt", "x", "--pred", "y", "--split", "val"), "not both"),
        (("--weights", "small-demo"), "--weights needs --data"),
        (("--gt", "x", "--pred", "y"), "x: no such folder"),
        (("--gt", "x", "--pred", "y", "--subset", "hard"), "--subset hard: known are easy-seen"),
        (
            ("--gt", "x", "--pred", "y", "--subset", "easy-seen,hard-seen"),
            "the maps in --pred are of one test set; name one",
        ),
        (("--gt", "x", "--pred", "y", "--threshold", "0"), "threshold is 0.0; it must be above 0"),
        (("--gt", "x", "--pred", "y", "--json", "no/o.json"), "the folder no does not exist"),
        (("--gt", "x", "--pred", "y", "--csv", "."), "--csv .: is a folder; name a file in it"),
    ],
)
def test_mistakes_are_answered_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[str, ...],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _sali(monkeypatch, *arguments) == 1
    assert reason in one_line(capsys)


def test_a_missing_prediction_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folders: tuple[Path, Path],
) -> None:
    gt, pred = folders
    (pred / "case2_2/f_image0002.png").unlink()
    assert _sali(monkeypatch, "--gt", gt, "--pred", pred) == 1
    assert "case2_2: no prediction for f_image0002.png in" in one_line(capsys)


def test_what_was_left_out_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folders: tuple[Path, Path],
) -> None:
    gt, pred = folders
    (pred / "case1_1/f_image0003.png").unlink()
    assert _sali(monkeypatch, "--gt", gt, "--pred", pred) == 0
    assert "note: case1_1: no prediction of its last frame" in capsys.readouterr().out
