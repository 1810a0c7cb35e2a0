from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sali_core.bench import engines
from sali_core.bench.engines import choose_engines, list_engines, start_engine
from sali_core.config import MemoryConfig, ModelConfig
from sali_core.engine import available_engines
from sali_core.errors import ConfigError

CPU = torch.device("cpu")


def test_every_engine_is_listed_once_the_yardstick_first() -> None:
    names = list_engines(ModelConfig(), CPU)
    assert names[0] == "eager"
    assert sorted(names) == sorted(c.name for c in available_engines(CPU, ModelConfig()))


def test_an_unknown_engine_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"'warp' .* there are: eager, openvino"):
        choose_engines(["eager", "openvino"], ["warp"])
    assert choose_engines(["eager", "openvino"], []) == ["eager", "openvino"]
    assert choose_engines(["eager", "openvino"], ["openvino"]) == ["openvino"]


def test_a_precision_is_passed_on_to_engines_that_have_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def create(
        weights: Path, device: str, *, engine: str, memory: MemoryConfig, precision: str = "auto"
    ) -> tuple[str, str]:
        return engine, precision

    monkeypatch.setattr(engines, "create_engine", create)
    given = Path("w"), "cpu", "eager", MemoryConfig()
    assert start_engine(*given, precision="bfloat16") == ("eager", "bfloat16")
    assert start_engine(*given) == ("eager", "auto")


def test_a_precision_that_no_engine_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(weights: Path, device: str, *, engine: str, memory: MemoryConfig) -> str:
        return engine

    monkeypatch.setattr(engines, "create_engine", create)
    given = Path("w"), "cpu", "eager", MemoryConfig()
    assert start_engine(*given, precision="float32") == "eager"
    with pytest.raises(ConfigError, match=r"'bfloat16'.*float32 only"):
        start_engine(*given, precision="bfloat16")
