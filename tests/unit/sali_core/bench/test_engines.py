from __future__ import annotations

import pytest
import torch

from sali_core.bench.engines import choose_engines, list_engines
from sali_core.config import ModelConfig
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


def test_engines_that_compile_for_minutes_must_be_named() -> None:
    there = ["eager", "cuda-graphs", "compiled", "compiled-graphs"]
    assert choose_engines(there, []) == ["eager", "cuda-graphs"]
    assert choose_engines(there, ["compiled"]) == ["compiled"]
