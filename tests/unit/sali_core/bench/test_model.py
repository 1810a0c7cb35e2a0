from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sali_core.bench import model as bench_module
from sali_core.bench.model import BenchSettings, agreement, bench_model
from sali_core.bench.networks import save_random_weights
from sali_core.bench.plots import draw_report
from sali_core.bench.results import BenchReport
from sali_core.bench.text import report_lines
from sali_core.config import ModelConfig, get_profile
from sali_core.errors import ConfigError, EngineError
from sali_core.types import StepResult


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = ModelConfig.from_dict(get_profile("small").to_dict() | {"input_size": 64})
    return save_random_weights(tmp_path_factory.mktemp("weights"), "small", config)


@pytest.fixture(scope="module")
def report(weights: Path) -> BenchReport:
    settings = BenchSettings(
        device="cpu", engines=("eager",), batches=(1, 2), bank=3, frames=12, seconds=20.0
    )
    return bench_model(weights, settings, ["sali", "bench", "model"])


def test_every_batch_is_measured_with_a_full_bank(report: BenchReport) -> None:
    (engine,) = report.engines
    assert [run.batch for run in engine.runs] == [1, 2]
    for run in engine.runs:
        assert run.bank_frames == report.bank == 3
        assert 0 < run.step.least_ms <= run.step.p50_ms <= run.step.p99_ms
    assert engine.verdict.rooms in (0, 1, 2)
    assert engine.max_difference == 0.0


def test_a_memory_that_did_not_fill_in_time_is_filled_and_measured_again(weights: Path) -> None:
    settings = BenchSettings(
        device="cpu", engines=("eager",), batches=(1, 2), bank=30, frames=6, seconds=5.0
    )
    found = bench_model(weights, settings, ["test"])
    (engine,) = found.engines
    assert [(run.batch, run.bank_frames) for run in engine.runs] == [(1, 5), (1, 30), (2, 30)]
    assert engine.verdict.bank_frames == 30
    assert "full memory" in found.sentence


def test_the_share_of_the_matrix_rate_follows_from_operations_and_times(
    report: BenchReport,
) -> None:
    (engine,) = report.engines
    assert report.stages is not None
    operations = sum(report.stages.operations.values())
    quickest = min(run.step.p50_ms / run.batch for run in engine.runs)
    assert engine.achieved_tflops == pytest.approx(operations / quickest / 1e9, abs=1e-4)
    share = operations / quickest / 1e9 / report.limits.matrix_tflops
    assert engine.matrix_share == pytest.approx(share, abs=1e-4)


def test_the_last_line_says_what_the_machine_is_good_for(report: BenchReport) -> None:
    lines = report_lines(report)
    assert lines[-1] == report.sentence
    assert report.sentence.startswith("This machine: ")
    assert any(line.startswith("encode ") for line in lines)
    assert any(line.startswith("eager ") for line in lines)


def test_the_report_is_plain_json(report: BenchReport) -> None:
    values = json.loads(json.dumps(report.to_dict()))
    assert values["good_for"] == report.sentence
    assert values["machine"]["versions"]["torch"]
    assert values["engines"][0]["runs"][1]["batch"] == 2


def test_plots_are_drawn_where_asked(report: BenchReport, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    written = draw_report(report, tmp_path / "new" / "plots")
    assert sorted(path.name for path in written) == [
        "latency_by_bank.png", "latency_by_streams.png", "stages.png",
    ]  # fmt: skip
    assert all(path.stat().st_size > 1000 for path in written)


def test_an_engine_that_cannot_start_is_told_beside_the_others(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = bench_module.create_engine

    def creating(*given: object, engine: str, **options: object) -> object:
        if engine == "broken":
            raise EngineError("no such instruction")
        return create(*given, engine=engine, **options)

    monkeypatch.setattr(bench_module, "create_engine", creating)
    monkeypatch.setattr(bench_module, "list_engines", lambda *_: ["broken", "eager"])
    settings = BenchSettings(device="cpu", batches=(1,), bank=1, frames=8, seconds=5.0)
    found = bench_model(weights, settings, ["test"])
    assert [engine.engine for engine in found.engines] == ["eager"]
    assert "broken: not measured: no such instruction" in report_lines(found)

    monkeypatch.setattr(bench_module, "list_engines", lambda *_: ["broken"])
    with pytest.raises(EngineError, match="broken: no such instruction"):
        bench_model(weights, settings, ["test"])


@pytest.mark.parametrize(
    "wrong", [{"fps": 0.5}, {"seconds": 0.0}, {"frames": 0}, {"batches": (0,)}]
)
def test_settings_that_measure_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        BenchSettings(**wrong)


def test_agreement_of_two_streams_is_told_over_what_both_have() -> None:
    def result(logits: list[float]) -> StepResult:
        values = np.array([logits], np.float32)
        return StepResult(values, 1 / (1 + np.exp(-values)), values >= 0)

    expected = [result([2.0, 2.0, -2.0]), result([1.0, -1.0, -1.0]), result([9.0, 9.0, 9.0])]
    found = [result([2.0, 2.0, -2.0]), result([1.5, 2.0, -1.0])]
    difference, dice = agreement(expected, found)
    assert difference == pytest.approx(3.0)
    assert dice == pytest.approx(2 * 3 / (3 + 4))
    assert agreement(expected, expected) == (0.0, 1.0)


def test_the_load_is_told_as_it_was_before_the_work(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def noted(name: str) -> object:
        original = getattr(bench_module, name)

        def call(*given: object, **options: object) -> object:
            calls.append(name)
            return original(*given, **options)

        return call

    for name in ("measure_limits", "load_network", "describe_machine", "create_engine"):
        monkeypatch.setattr(bench_module, name, noted(name))
    settings = BenchSettings(
        device="cpu", engines=("eager",), batches=(1,), bank=1, frames=6, seconds=3.0
    )
    bench_model(weights, settings, ["test"])
    assert calls == ["describe_machine", "load_network", "measure_limits", "create_engine"]
