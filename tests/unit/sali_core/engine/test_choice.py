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
    with pytest.raises(ConfigError, match=r"'openvino' cannot run on 'cuda:0'.*use auto or eager"):
        pick_engines(GPU, get_profile("paper"), "openvino")


def test_an_unknown_engine_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="engine 'warp' is unknown; use auto, eager, openvino"):
        pick_engines(CPU, get_profile("paper"), "warp")


def test_what_was_asked_for_is_the_reason() -> None:
    assert pick_engines(CPU, get_profile("paper"), "eager") == (("eager", "asked for"),)


@pytest.mark.parametrize("engine", ["eager", "openvino"])
def test_precision_is_float32_unless_asked_for(engine: str) -> None:
    assert pick_precision("auto", engine) == pick_precision("float32", engine) == "float32"
    assert pick_precision("bfloat16", "openvino") == "bfloat16"


def test_a_precision_an_engine_lacks_is_refused() -> None:
    with pytest.raises(ConfigError, match="engine 'eager' computes in float32"):
        pick_precision("bfloat16", "eager")
    with pytest.raises(ConfigError, match="precision 'int4' is unknown; use auto, float32"):
        pick_precision("int4", "openvino")
