from __future__ import annotations

import pytest
import torch

from sali_core.bench import limits
from sali_core.bench.machine import describe_machine


def test_rates_follow_from_sizes_and_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MATRIX_SIDE", {"cpu": 64})
    monkeypatch.setattr(limits, "_COPY_BYTES", {"cpu": 10**6})
    monkeypatch.setattr(limits, "timed", lambda function, _: (function(), 0.5))
    found = limits.measure_limits(torch.device("cpu"), torch.bfloat16, seconds=0.0)
    assert found.precision == "bfloat16"
    assert found.matrix_tflops == pytest.approx(2 * 64**3 / 0.5e-3 / 1e12, abs=1e-3)
    assert found.bandwidth_gbs == pytest.approx(2 * 1e6 / 0.5e-3 / 1e9, abs=1e-2)


def test_a_machine_is_described_by_what_decides_its_speed() -> None:
    machine = describe_machine(torch.device("cpu"), ["sali", "bench", "model", "--plot", "a b"])
    assert machine.command == "sali bench model --plot 'a b'"
    assert machine.cores >= 1
    assert machine.gpu is None
    assert machine.versions["torch"].startswith(torch.__version__.split("+")[0])
    assert machine.date.endswith("+00:00")
    assert machine.to_dict()["cpu"] == machine.cpu
