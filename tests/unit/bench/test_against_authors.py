from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sali_core.errors import ConfigError
from sali_core.stream.model import StreamModel
from sali_core.weights.store import load_network, save_weights
from tests.bench import against_authors, gpu
from tests.bench.comparison import Comparison, Row

ABSENT_ON_GPU_HOSTS = (
    "openvino", "pydantic", "pydantic_settings", "fastapi", "av", "aiortc", "typer", "rich",
    "structlog", "matplotlib", "uvicorn",
)  # fmt: skip


def test_figures_of_both_forms_and_their_difference_are_written(
    tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    arguments = ["--weights", tiny_weights, "--engine", "eager", "--device", "cpu", "--bank", 2,
                 "--rounds", 3, "--batch", "1,2", "--json", out]  # fmt: skip
    assert against_authors.main([str(word) for word in arguments]) == 0
    result = json.loads(out.read_text())
    assert [row["batch"] for row in result["rows"]] == [1, 2]
    for row in result["rows"]:
        assert row["ours"]["count"] == row["authors"]["count"] == 3
        expected = row["authors"]["p50_ms"] * row["batch"] / row["ours"]["p50_ms"]
        assert row["ratio"] == pytest.approx(expected, abs=0.01)
        assert row["agreement"]["frames"] == 5
        assert row["agreement"]["max_difference"] < 1e-3
        assert row["agreement"]["dice"] > 0.999
        assert row["agreement"]["logits_std"] > 0.01
    assert "against_authors --weights" in result["machine"]["command"]
    assert result["machine"]["versions"]["torch"]
    printed = capsys.readouterr().out
    assert f"{result['rows'][0]['ratio']:.2f}" in printed


def test_no_larger_batch_is_tried_once_a_step_takes_too_long(tiny_weights: Path) -> None:
    settings = against_authors.Settings(
        weights=str(tiny_weights), device="cpu", engine="eager", batches=(1, 2), bank=1, rounds=3,
        slowest_ms=0.0,
    )  # fmt: skip
    assert len(against_authors.compare(settings, ["test"])["rows"]) == 1


@pytest.mark.parametrize("fits", [0, 1])
def test_batches_measured_before_memory_runs_out_are_kept(
    fits: int, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    measure = Comparison.run

    def run(self: Comparison, engine: StreamModel, batch: int, **options: float) -> Row:
        if batch > fits:
            raise torch.OutOfMemoryError("out of memory")
        return measure(self, engine, batch, **options)

    monkeypatch.setattr(Comparison, "run", run)
    arguments = ["--weights", str(tiny_weights), "--engine", "eager", "--device", "cpu",
                 "--bank", "1", "--rounds", "3", "--batch", "1,2,4"]  # fmt: skip
    assert against_authors.main(arguments) == (0 if fits else 1)
    printed = capsys.readouterr()
    if fits:
        assert "ended: batch 2 does not fit" in printed.out
    else:
        assert printed.err == "error: out of memory\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--weights", "missing.safetensors"], "no such file"),
        (["--profile", "tiny"], "unknown profile 'tiny'"),
        (["--weights", "small-demo", "--profile", "small"], "not both"),
        (["--batch", "1,none"], "positive numbers"),
        (["--batch", "0"], "positive numbers"),
        (["--device", "tpu"], "unknown"),
        (["--bank", "0"], "at least 1"),
    ],
)
def test_what_cannot_be_measured_is_named_in_one_line(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert against_authors.main(arguments) == 1
    error = capsys.readouterr().err
    assert reason in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_gpu_figures_fail_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gpu.json"
    assert gpu.main(["--json", str(out)]) == 1
    assert "0 GPUs" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--profiles", "tiny"], "unknown profile 'tiny'"),
        (["--precisions", "float16"], "precision 'float16'"),
        (["--json", "no/such/folder/gpu.json"], "does not exist"),
        (["--batch", "x"], "positive numbers"),
    ],
)
def test_gpu_arguments_are_checked_before_anything_runs(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gpu.main(["--device", "cpu", *arguments]) == 1
    assert reason in capsys.readouterr().err


def test_figures_of_another_profile_join_those_of_the_same_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compare(settings: against_authors.Settings, _: object) -> dict[str, object]:
        name = settings.weights or settings.profile
        return {"weights": name, "precision": settings.precision, "machine": {}}

    monkeypatch.setattr(gpu, "compare", compare)
    monkeypatch.setattr(gpu, "table", str)
    monkeypatch.setattr(gpu, "measure_limits", lambda *_: gpu.Settings())
    out = tmp_path / "gpu.json"
    common = ["--device", "cpu", "--json", str(out), "--precisions", "float32"]
    assert gpu.main([*common, "--profiles", "small"]) == 0
    assert gpu.main([*common, "--profiles", "paper,small"]) == 0
    names = [row["weights"] for row in json.loads(out.read_text())["comparisons"]]
    assert names == ["small-demo", "paper"]

    report = json.loads(out.read_text())
    report["machine"]["versions"]["torch"] = "1.0"
    out.write_text(json.dumps(report))
    assert gpu.main([*common, "--profiles", "released"]) == 0
    names = [row["weights"] for row in json.loads(out.read_text())["comparisons"]]
    assert names == ["released"]


@pytest.mark.parametrize("text", ['{"machine": {"gpu', "{}", "[]", '{"machine": {}}'])
def test_a_damaged_file_of_figures_is_told_and_left_as_it_is(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gpu.json"
    out.write_text(text)
    assert gpu.main(["--device", "cpu", "--json", str(out), "--profiles", "small"]) == 1
    assert "holds no figures of an earlier run" in capsys.readouterr().err
    assert out.read_text() == text


def test_a_precision_the_engine_lacks_is_told_and_the_others_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compare(settings: against_authors.Settings, _: object) -> dict[str, object]:
        if settings.precision == "bfloat16":
            raise ConfigError("float32 only")
        return {"weights": settings.weights, "precision": settings.precision, "machine": {}}

    monkeypatch.setattr(gpu, "compare", compare)
    monkeypatch.setattr(gpu, "table", str)
    monkeypatch.setattr(gpu, "measure_limits", lambda *_: gpu.Settings())
    out = tmp_path / "gpu.json"
    common = ["--device", "cpu", "--json", str(out), "--profiles", "small"]
    assert gpu.main([*common, "--precisions", "bfloat16,float32"]) == 0
    assert "not measured: small-demo, bfloat16: float32 only" in capsys.readouterr().out
    assert len(json.loads(out.read_text())["comparisons"]) == 1
    assert gpu.main([*common, "--precisions", "bfloat16"]) == 1
    assert "nothing could be measured" in capsys.readouterr().err


def test_gpu_hosts_need_no_package_of_the_service(tiny_weights: Path, tmp_path: Path) -> None:
    network, header = load_network(tiny_weights)
    weights = tmp_path / "peak.safetensors"
    save_weights(weights, network, replace(header, peak_threshold=header.threshold))
    script = (
        "import sys\n"
        f"for name in {ABSENT_ON_GPU_HOSTS!r}: sys.modules[name] = None\n"
        "import tests.bench.gpu, sali_core.bench.model\n"
        "from tests.bench.against_authors import Settings, compare\n"
        f"settings = Settings({str(weights)!r}, device='cpu', engine='eager', bank=1, rounds=3)\n"
        "assert compare(settings, ['test'])['rows'][0]['agreement']['mask_share'] > 0\n"
        "assert 'scipy' in sys.modules, 'the peak threshold was not used'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)
