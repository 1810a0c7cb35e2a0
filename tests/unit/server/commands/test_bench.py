from __future__ import annotations

import json
from pathlib import Path

import pytest

from sali_core.bench.networks import save_random_weights
from sali_core.config import ModelConfig, get_profile
from tests.fakes.command_line import one_line, sali


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = ModelConfig.from_dict(get_profile("small").to_dict() | {"input_size": 64})
    return save_random_weights(tmp_path_factory.mktemp("weights"), "small", config)


def test_figures_are_printed_written_and_end_with_what_the_machine_is_good_for(
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "model.json"
    status = sali(
        monkeypatch, "bench", "model", "--weights", weights, "--device", "cpu", "--engine", "eager",
        "--batch", "1", "--bank", "2", "--frames", "10", "--seconds", "5", "--json", out,
    )  # fmt: skip
    assert status == 0
    lines = capsys.readouterr().out.strip().splitlines()
    values = json.loads(out.read_text())
    assert lines[-1] == values["good_for"]
    assert values["machine"]["command"].startswith("sali bench model --weights ")
    assert values["bank"] == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--engine", "warp", "--device", "cpu"], "there are: eager"),
        (["--device", "cuda:99"], "is not there; this machine has"),
        (["--weights", "missing.safetensors"], "no such file"),
        (["--profile", "tiny"], "unknown profile 'tiny'"),
        (["--weights", "small-demo", "--profile", "small"], "not both"),
        (["--batch", "1,x"], "positive numbers"),
        (["--json", "no/such/folder/a.json"], "does not exist"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    arguments: list[str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert sali(monkeypatch, "bench", "model", *arguments) == 1
    assert reason in one_line(capsys)


def test_plots_without_matplotlib_are_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sali_core.evaluation.plots.find_spec", lambda _: None)
    monkeypatch.setattr("sali_core.bench.model.bench_model", None)
    assert sali(monkeypatch, "bench", "model", "--plots", tmp_path / "plots") == 1
    assert "plots need matplotlib" in one_line(capsys)


def test_plots_do_not_go_into_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plots").write_text("")
    assert sali(monkeypatch, "bench", "model", "--plots", tmp_path / "plots") == 1
    assert "is a file" in one_line(capsys)
