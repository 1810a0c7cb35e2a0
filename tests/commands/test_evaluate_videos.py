"""`sali evaluate --weights W --data SUN-SEG` on a made-up tree: maps, tables, files, refusals."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sali_core.config import ModelConfig, get_profile
from sali_core.data.sun_seg import SPLITS
from sali_core.model.build import create_network
from sali_core.weights.store import WeightsHeader, save_weights
from server.map_folder import NOTE
from tests.fakes.command_line import one_line, sali
from tests.fakes.sun_seg_tree import write_case, write_stills, write_sun_seg

GREEN = ("--model", "tests.fakes.green_model:create")
SUBSETS = ["easy-seen", "easy-unseen", "hard-seen", "hard-unseen"]
THRESHOLD = 0.4


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # The command sets it for the time after this test, too.
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def _save(folder: Path, profile: str, **changes: str | int) -> Path:
    torch.manual_seed(0)
    config = ModelConfig.from_dict(get_profile(profile).to_dict() | changes)
    path = folder / "tiny.safetensors"
    header = WeightsHeader("tiny", profile, THRESHOLD, config)
    save_weights(path, create_network(config), header, half=False)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save(tmp_path_factory.mktemp("paper"), "small", input_size=128)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """All four test sets, two cases each, and no TrainDataset."""
    root = tmp_path / "SUN-SEG"
    for number, split in enumerate(list(SPLITS)[1:], 1):
        for k in (1, 2):
            write_case(root / SPLITS[split].folder, f"case{number}_{k}", 4)
    return root


def _evaluate(monkeypatch: pytest.MonkeyPatch, data: Path, *options: str | Path) -> int:
    return sali(monkeypatch, "evaluate", "--data", data, *options)


def _maps(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")
    }


@pytest.mark.usefixtures("_own_cache")
def test_maps_and_figures_are_those_of_predict_and_of_scoring_its_maps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, weights: Path
) -> None:
    chosen, maps, told = ("--weights", weights), tmp_path / "maps", tmp_path / "o.json"
    kept = ("--subset", "hard-seen", "--maps", maps, "--json", told)
    assert _evaluate(monkeypatch, data, *chosen, *kept) == 0

    folder, pred, scored = data / "TestHardDataset/Seen", tmp_path / "pred", tmp_path / "s.json"
    arguments = ("--source", folder / "Frame", "--out", pred, *chosen)
    assert sali(monkeypatch, "predict", *arguments) == 0
    assert _maps(maps / "hard-seen") == _maps(pred)
    assert len(_maps(pred)) == 8
    options = ("--threshold", str(THRESHOLD), "--json", scored)
    assert sali(monkeypatch, "evaluate", "--gt", folder, "--pred", pred, *options) == 0
    ours, theirs = json.loads(told.read_text())["hard-seen"], json.loads(scored.read_text())
    assert ours.pop("network")["name"] == "tiny"
    assert ours.pop("notes") == [
        "not the published test set: 2 cases, 17 published",
        "not the published test set: 8 frames, 3882 published",
    ]
    assert theirs.pop("notes") == []
    assert ours == theirs


def test_reference_mode_is_that_of_predict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weights = _save(tmp_path, "released", backbone="mobilenetv2_100", input_size=256)
    folder = tmp_path / "SUN-SEG/TestEasyDataset/Seen"
    write_case(folder, "case1_1", 3)
    chosen, maps = ("--weights", weights, "--mode", "reference"), tmp_path / "maps"
    assert _evaluate(monkeypatch, tmp_path / "SUN-SEG", *chosen, "--maps", maps) == 0
    pred = tmp_path / "pred"
    arguments = ("--source", folder / "Frame", "--out", pred, *chosen)
    assert sali(monkeypatch, "predict", *arguments) == 0
    assert _maps(maps / "easy-seen") == _maps(pred)
    assert json.loads((maps / NOTE).read_text())["mode"] == "reference"


def test_every_test_set_gets_its_tables_and_its_part_of_each_file(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    data: Path,
) -> None:
    files = [tmp_path / f"o.{kind}" for kind in ("json", "csv", "md")]
    kinds = ("json", "csv", "markdown")
    options = [f"--{kind}={file}" for kind, file in zip(kinds, files, strict=True)]
    assert _evaluate(monkeypatch, data, *GREEN, *options, "--plots", tmp_path / "plots") == 0
    shown = capsys.readouterr()
    for subset in SUBSETS:
        assert f"green on {subset}: 2 cases, 4 frames" in shown.out
        assert f"SUN-SEG {subset}" in shown.out
        assert (tmp_path / "plots" / subset / "curves.png").is_file()
    assert "8 of 8 cases to run (green, live" in shown.err
    assert "Not a medical device." in shown.err

    told = json.loads(files[0].read_text())
    assert list(told) == SUBSETS
    assert told["hard-unseen"]["settings"]["threshold"] == 0.5
    assert list(told["hard-unseen"]["cases"]) == ["case4_1", "case4_2"]
    rows = list(csv.DictReader(files[1].read_text().splitlines()))
    assert [row["subset"] for row in rows] == [name for name in SUBSETS for _ in range(3)]
    assert [row["case"] for row in rows[:3]] == ["case1_1", "case1_2", "all"]
    assert float(rows[2]["MAE"]) == told["easy-seen"]["MAE"]
    page = files[2].read_text()
    assert page.startswith("# Evaluation of green on SUN-SEG\n")
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        f"## {subset}" for subset in SUBSETS
    ]


@pytest.mark.parametrize(
    "choice",
    [("--subset", "hard-seen,easy-seen"), ("--subset", "hard-seen", "--subset", "easy-seen")],
)
def test_the_test_sets_asked_for_are_scored_at_the_threshold_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path, choice: tuple[str, ...]
) -> None:
    told = tmp_path / "o.json"
    options = ("--threshold", "0.2", "--keep-ends", "--json", told)
    assert _evaluate(monkeypatch, data, *GREEN, *choice, *options) == 0
    figures = json.loads(told.read_text())
    assert list(figures) == ["easy-seen", "hard-seen"]
    settings = figures["easy-seen"]["settings"]
    assert (settings["threshold"], settings["frames"]) == (0.2, 8)


def test_train_data_beside_the_test_sets_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root, maps = write_sun_seg(tmp_path / "SUN-SEG", cases=1, frames=3), tmp_path / "maps"
    assert _evaluate(monkeypatch, root, *GREEN, "--maps", maps) == 0
    assert sorted(path.name for path in maps.iterdir()) == [*SUBSETS, NOTE]


def test_maps_without_a_folder_of_their_own_are_thrown_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert _evaluate(monkeypatch, data, *GREEN, "--subset", "easy-seen") == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_a_stopped_run_goes_on_case_by_case(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    data: Path,
) -> None:
    maps, frames = tmp_path / "maps", data / "TestHardDataset/Seen/Frame/case3_2"
    damaged = sorted(frames.iterdir())[0]  # an a10 frame: the third in time
    picture = damaged.read_bytes()
    damaged.write_bytes(picture[:50])
    assert _evaluate(monkeypatch, data, *GREEN, "--maps", maps) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert damaged.name in line
    assert f"maps written before stay in {maps}, and the same command goes on from there" in line
    # easy-seen, easy-unseen and one case of hard-seen were done, and two frames of the next.
    assert len(_maps(maps)) == 5 * 4 + 2

    damaged.write_bytes(picture)
    done = next((maps / "easy-seen/case1_1").iterdir())
    Image.fromarray(np.full((16, 24), 255, np.uint8)).save(done)
    kept = done.read_bytes()
    assert _evaluate(monkeypatch, data, *GREEN, "--maps", maps) == 0
    assert "3 of 8 cases to run" in capsys.readouterr().err
    assert done.read_bytes() == kept
    assert len(_maps(maps)) == 8 * 4

    assert _evaluate(monkeypatch, data, *GREEN, "--maps", maps) == 0
    assert "0 of 8 cases to run" in capsys.readouterr().err


def test_maps_of_other_weights_are_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    data: Path,
) -> None:
    maps, one, other = tmp_path / "maps", tmp_path / "one.bin", tmp_path / "other.bin"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    options = (*GREEN, "--subset", "easy-seen", "--maps", maps)
    assert _evaluate(monkeypatch, data, *options, "--weights", one) == 0
    before = _maps(maps)
    capsys.readouterr()
    assert _evaluate(monkeypatch, data, *options, "--weights", other) == 1
    line = one_line(capsys)
    assert f"{maps}: holds maps of {one} (model" in line
    assert f"not of {other} (model" in line
    assert "give another folder" in line
    assert _maps(maps) == before
    # The same weights elsewhere are the same weights.
    moved = one.rename(tmp_path / "moved.bin")
    assert _evaluate(monkeypatch, data, *options, "--weights", moved) == 0


def _part(data: Path, *names: str) -> Path:
    """Return a file or folder of the test set easy-seen."""
    return data.joinpath("TestEasyDataset/Seen", *names)


@pytest.mark.parametrize("kind", ["Frame", "GT"])
def test_a_missing_file_is_named_before_any_work(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    data: Path,
    kind: str,
) -> None:
    gone = sorted(_part(data, kind, "case1_2").iterdir())[0]
    gone.unlink()
    assert _evaluate(monkeypatch, data, *GREEN, "--maps", tmp_path / "maps") == 1
    line = one_line(capsys)
    assert f"{_part(data, 'GT', 'case1_2', gone.stem)}.png: " in line
    assert f"`sali data check {data}` lists them all" in line
    assert not (tmp_path / "maps").exists()
    # The other test sets can be scored.
    assert _evaluate(monkeypatch, data, *GREEN, "--subset", "easy-unseen") == 0


def test_a_case_too_short_for_the_protocol_is_named_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    write_case(_part(data), "case1_3", 2)
    assert _evaluate(monkeypatch, data, *GREEN) == 1
    assert "case1_3: nothing to score in 2 frames" in one_line(capsys)
    assert _evaluate(monkeypatch, data, *GREEN, "--keep-ends", "--subset", "easy-seen") == 0


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("nowhere", "nowhere: no such folder"),
        (
            "empty",
            "empty: no SUN-SEG there; expected TrainDataset/Frame, TestEasyDataset/Seen/Frame",
        ),
        ("empty", "nor images/ and masks/"),
        (".", "give SUN-SEG"),
        ("SUN-SEG/TestEasyDataset/Seen", "this is a folder inside it"),
        ("train", "SUN-SEG without a test set; expected one or more of TestEasyDataset/Seen/Frame"),
    ],
)
def test_a_wrong_folder_is_told_what_was_expected(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    data: Path,
    folder: str,
    reason: str,
) -> None:
    monkeypatch.chdir(data.parent)
    Path("empty").mkdir()
    write_case(Path("train/TrainDataset"), "case1_1", 3)
    assert _evaluate(monkeypatch, Path(folder), *GREEN) == 1
    assert reason in one_line(capsys)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--subset", "hard"), "--subset hard: known are easy-seen"),
        (("--split", "val"), "--split is for stills; SUN-SEG is SUN-SEG (--subset picks"),
        (("--report",), "--report is for stills"),
        (("--gt", "x", "--pred", "y"), "--gt scores maps and --data scores a network"),
        (("--threshold", "0"), "threshold is 0.0; it must be above 0"),
        (("--json", "no/o.json"), "the folder no does not exist"),
        (("--maps", "SUN-SEG/maps"), "is in the source folder SUN-SEG"),
        (("--maps", "used"), f"used: holds files, and no {NOTE} that says whose maps they are"),
        (("--maps", "torn"), "maps.json: damaged"),
        (("--mode", "reference"), "--mode reference are for model 'sali'"),
    ],
)
def test_mistakes_are_answered_in_one_line_before_any_map(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    data: Path,
    options: tuple[str, ...],
    reason: str,
) -> None:
    monkeypatch.chdir(data.parent)
    for folder, name in (("used", "a.txt"), ("torn", NOTE)):
        Path(folder).mkdir()
        Path(folder, name).write_text("{")
    assert _evaluate(monkeypatch, Path("SUN-SEG"), *GREEN, *options) == 1
    assert reason in one_line(capsys)
    assert not list(data.parent.glob("*/**/easy-seen"))


def test_a_test_set_that_is_not_there_is_named_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_case(tmp_path / "TestHardDataset/Unseen", "case1_1", 3)
    assert _evaluate(monkeypatch, tmp_path, *GREEN, "--subset", "easy-seen") == 1
    line = one_line(capsys)
    assert "has no TestEasyDataset/Seen/Frame; there are hard-unseen" in line


@pytest.mark.parametrize("option", [("--maps", "m"), ("--mode", "live"), ("--plots", "p")])
def test_options_for_videos_are_refused_for_stills(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    option: tuple[str, str],
) -> None:
    stills = write_stills(tmp_path / "stills")
    assert _evaluate(monkeypatch, stills, *option) == 1
    assert f"{option[0]} is for maps and for SUN-SEG; {stills} holds stills" in one_line(capsys)
