"""The figures of a GPU, on the CPU with its engines: the order of work, and what failures leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sali_core.bench.limits import DeviceLimits
from sali_core.bench.timing import Deadline
from sali_core.engine import Engine
from tests.bench import gpu, gpu_profile
from tests.bench.gpu_plots import draw_rows


@pytest.fixture
def bench(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run with tiny weights in place of every profile's; return the status and the file."""
    monkeypatch.setattr(gpu_profile.ProfileBench, "_weights_file", lambda *_: tiny_weights)
    monkeypatch.setattr(gpu, "measure_limits", lambda *_, **__: DeviceLimits("x", 10.0, 20.0))
    out = tmp_path / "gpu.json"

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        common = ["--device", "cpu", "--engines", "eager", "--precisions", "float32",
                  "--profiles", "small", "--bank", "2", "--rounds", "3", "--batch", "1,2",
                  "--frames", "3", "--json", str(out)]  # fmt: skip
        status = gpu.main([*common, *words])
        return status, json.loads(out.read_text()) if out.exists() else {}

    return run


Run = Callable[..., tuple[int, dict[str, Any]]]


def test_rows_hold_ratio_difference_and_share_of_the_peak(bench: Run) -> None:
    status, report = bench()
    assert status == 0
    assert [row["batch"] for row in report["rows"]] == [1, 2]
    for row in report["rows"]:
        assert row["agreement"]["max_difference"] < 1e-3
        assert row["agreement"]["dice"] > 0.999
        assert row["matrix_share"] == pytest.approx(row["tflops"] / 10, abs=1e-4)
        assert row["reason"] == "asked for"
    assert report["limits"]["float32"]["bandwidth_gbs"] == 20.0


def test_what_an_engine_lacks_is_a_row_and_the_others_go_on(
    bench: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    status, report = bench("--engines", "cuda-graphs,eager", "--precisions", "float16,float32")
    assert status == 0
    why = {gpu._key(row): row.get("not_measured", "") for row in report["rows"]}
    assert "cannot run on 'cpu'" in why["small, cuda-graphs, float32, None"]
    assert "is of GPUs" in why["small, eager, float16, None"]
    assert why["small, eager, float32, 1"] == ""
    assert "not measured: ConfigError" in capsys.readouterr().out


def test_a_batch_that_fails_leaves_the_others(bench: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Engine.step_many

    def step_many(self: Engine, states: list[Any], frames: list[Any]) -> Any:
        if len(states) == 1:
            raise torch.OutOfMemoryError("out of memory\nwith details")
        return step(self, states, frames)

    monkeypatch.setattr(Engine, "step_many", step_many)
    status, report = bench()
    assert status == 0
    failed, measured = report["rows"]
    assert failed["not_measured"] == "OutOfMemoryError: out of memory"
    assert measured["batch"] == 2


def test_no_row_begins_after_the_time_is_up(bench: Run) -> None:
    status, report = bench("--minutes", "0")
    assert status == 1
    assert [row["not_measured"] for row in report["rows"]] == ["0 s left"]


def test_no_batch_is_compiled_for_which_too_little_time_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 0.0

    class Bench:
        def start(self, name: str, precision: str) -> Any:
            return SimpleNamespace(info=SimpleNamespace(reason="asked for"))

        def measure(self, *_: Any) -> dict[str, Any]:
            nonlocal now_s
            now_s += 100.0
            return {}

        def judge(self, *_: Any) -> None:
            return None

    monkeypatch.setattr(gpu, "ProfileBench", lambda *_: Bench())
    monkeypatch.setattr(gpu, "measure_limits", lambda *_, **__: DeviceLimits("x", 10.0, 20.0))
    monkeypatch.setattr(gpu, "_line", str)
    plan = gpu.Plan(
        torch.device("cpu"), ("small",), ("compiled",), ("float32",), (1, 2, 4, 8),
        gpu_profile.RowSettings(),
    )  # fmt: skip
    machine = {"gpu": None, "cpu": "", "versions": {}}
    report = gpu.Report(tmp_path / "gpu.json", machine)
    gpu.run(plan, report, Deadline(300.0, lambda: now_s))
    why = [(row["batch"], row.get("not_measured")) for row in report.rows.values()]
    late = "100 s left"
    assert why == [(1, None), (2, None), (4, late), (8, late), ("stream", late)]


def test_rows_of_the_same_machine_join_and_others_are_left_out(bench: Run, tmp_path: Path) -> None:
    bench("--batch", "1")
    _, report = bench("--batch", "2")
    assert [row["batch"] for row in report["rows"]] == [1, 2]
    report["machine"]["versions"]["torch"] = "1.0"
    (tmp_path / "gpu.json").write_text(json.dumps(report))
    _, report = bench("--batch", "2")
    assert [row["batch"] for row in report["rows"]] == [2]


def test_figures_of_another_gpu_are_not_written_over(
    bench: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gpu.json"
    text = json.dumps({"machine": {"gpu": "NVIDIA X", "cpu": "", "versions": {}}, "rows": []})
    out.write_text(text)
    status, _ = bench("--batch", "1")
    assert status == 1
    assert "holds figures of another GPU (NVIDIA X); name another file" in capsys.readouterr().err
    assert out.read_text() == text


def test_limits_of_precisions_that_are_not_measured_now_stay(bench: Run, tmp_path: Path) -> None:
    _, report = bench("--minutes", "0", "--precisions", "float32")
    report["limits"]["tf32"] = {"matrix_tflops": 30.0}
    (tmp_path / "gpu.json").write_text(json.dumps(report))
    _, report = bench("--minutes", "0", "--precisions", "float32")
    assert report["limits"]["tf32"] == {"matrix_tflops": 30.0}
    assert report["limits"]["float32"]["matrix_tflops"] == 10.0


@pytest.mark.parametrize("text", ['{"machine": {"gpu', "{}", "[]", '{"machine": {}}'])
def test_a_damaged_file_of_figures_is_told_and_left_as_it_is(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gpu.json"
    out.write_text(text)
    assert gpu.main(["--device", "cpu", "--json", str(out)]) == 1
    assert "holds no figures of an earlier run" in capsys.readouterr().err
    assert out.read_text() == text


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--profiles", "tiny"], "unknown profile 'tiny'"),
        (["--precisions", "int4"], "precision 'int4'; there are: float32"),
        (["--engines", "warp"], "engine 'warp'; there are: eager"),
        (["--json", "no/such/folder/gpu.json"], "does not exist"),
        (["--batch", "x"], "positive numbers"),
    ],
)
def test_arguments_are_checked_before_anything_runs(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gpu.main(["--device", "cpu", *arguments]) == 1
    assert reason in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_fails_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "gpu.json"
    assert gpu.main(["--json", str(out)]) == 1
    assert "0 GPUs" in capsys.readouterr().err
    assert not out.exists()


def test_what_tells_most_is_measured_first_and_what_compiles_last() -> None:
    plan = gpu.Plan(
        torch.device("cpu"), ("paper",), ("cuda-graphs", "compiled-graphs", "eager"),
        ("float32", "bfloat16"), (1, 2, 8), gpu_profile.RowSettings(),
    )  # fmt: skip
    order = [(engine, precision) for engine, precision, _ in plan.groups()]
    assert order[0] == ("cuda-graphs", "float32")
    assert order[-2:] == [("compiled-graphs", "float32"), ("compiled-graphs", "bfloat16")]
    assert plan.batches_of("cuda-graphs") == [1, 2, 8]
    assert plan.batches_of("eager") == [1, 8]


def test_a_lower_precision_is_held_to_float32_over_a_stream(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_profile.ProfileBench, "_weights_file", lambda *_: tiny_weights)
    settings = gpu_profile.RowSettings(bank=2, rounds=3, frames=4)
    bench = gpu_profile.ProfileBench("small", torch.device("cpu"), settings, tmp_path)
    engine = bench.start("eager", "float32")
    assert bench.judge(engine, "float32") is None
    same = bench.judge(engine, "bfloat16")  # this engine is in float32 all the same
    assert same is not None
    assert (same["frames"], same["max_difference"], same["within_bounds"]) == (4, 0.0, True)


def test_latency_is_plotted_for_each_profile(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    rows = [
        {"profile": "paper", "engine": "eager", "precision": "float32", "batch": batch,
         "ours": {"p99_ms": 5.0 * batch}}
        for batch in (2, 1)
    ]  # fmt: skip
    (path,) = draw_rows([*rows, {"profile": "small", "not_measured": "x"}], tmp_path / "plots")
    assert path.read_bytes().startswith(b"\x89PNG")
