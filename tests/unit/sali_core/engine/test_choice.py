from __future__ import annotations

import pytest
import torch

from sali_core.config import get_profile
from sali_core.engine.choice import available_engines, pick_engines, pick_precision
from sali_core.errors import ConfigError

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


@pytest.mark.parametrize("profile", ["small", "paper", "released"])
def test_a_cpu_with_openvino_uses_it_and_can_do_without(profile: str) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    choices = available_engines(CPU, get_profile(profile))
    assert [choice.name for choice in choices] == ["openvino", "eager"]
    assert all(choice.reason for choice in choices)


def test_without_openvino_the_reason_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sali_core.engine.choice.find_spec", lambda _: None)
    (choice,) = available_engines(CPU, get_profile("small"))
    assert choice == ("eager", "OpenVINO is not installed")
    with pytest.raises(ConfigError, match=r"'openvino' cannot run .*\(OpenVINO is not installed\)"):
        pick_engines(CPU, get_profile("small"), "openvino")


def test_an_engine_of_cpus_is_refused_on_a_gpu() -> None:
    with pytest.raises(
        ConfigError, match=r"'openvino' cannot run on 'cuda:0'.*use auto or cuda-graphs, eager"
    ):
        pick_engines(GPU, get_profile("paper"), "openvino")


def test_an_unknown_engine_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="engine 'warp' is unknown; use auto, eager, openvino"):
        pick_engines(CPU, get_profile("paper"), "warp")


def test_what_was_asked_for_is_the_reason() -> None:
    assert pick_engines(CPU, get_profile("paper"), "eager") == (("eager", "asked for"),)


@pytest.mark.parametrize("engine", ["eager", "openvino"])
def test_precision_is_float32_unless_asked_for(engine: str) -> None:
    assert (
        pick_precision("auto", engine, CPU) == pick_precision("float32", engine, CPU) == "float32"
    )
    assert pick_precision("bfloat16", "openvino", CPU) == "bfloat16"


def test_a_precision_an_engine_lacks_is_refused() -> None:
    with pytest.raises(ConfigError, match="engine 'eager' computes in float32"):
        pick_precision("bfloat16", "eager", CPU)
    with pytest.raises(ConfigError, match="precision 'int4' is unknown; use auto, float32"):
        pick_precision("int4", "openvino", CPU)


def test_a_gpu_records_its_steps_and_can_do_without() -> None:
    choices = available_engines(GPU, get_profile("released"))
    assert [choice.name for choice in choices][:2] == ["cuda-graphs", "eager"]
    assert all(choice.reason for choice in choices)
    assert pick_engines(GPU, get_profile("paper"), "compiled") == (("compiled", "asked for"),)


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16", "float16"])
def test_a_gpu_computes_in_float32_unless_asked(precision: str) -> None:
    assert pick_precision("auto", "cuda-graphs", GPU) == "float32"
    assert pick_precision(precision, "cuda-graphs", GPU) == precision


@pytest.mark.parametrize("precision", ["tf32", "float16"])
def test_a_gpus_precision_is_refused_on_a_cpu(precision: str) -> None:
    with pytest.raises(ConfigError, match=f"'{precision}' is of GPUs; this engine runs on 'cpu'"):
        pick_precision(precision, "eager", CPU)


def test_engines_of_gpus_are_refused_on_a_cpu() -> None:
    with pytest.raises(ConfigError, match="'cuda-graphs' cannot run on 'cpu' here"):
        pick_engines(CPU, get_profile("paper"), "cuda-graphs")
