from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sali_core.stream.model import StreamModel
from sali_core.weights.store import load_network, save_weights
from tests.bench import against_authors
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
