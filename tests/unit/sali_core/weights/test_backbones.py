from __future__ import annotations

import pytest
import timm
import torch
from torch import Tensor

from sali_core.weights.backbones import BACKBONES, closest_backbone, fit_backbone, pyramid_shapes
from sali_core.weights.naming import to_pvtv2


def _empty(name: str, *, pyramid: bool = False) -> dict[str, Tensor]:
    with torch.device("meta"):
        model = timm.create_model(name, pretrained=False, features_only=pyramid)
    state: dict[str, Tensor] = model.state_dict()
    return state


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_is_told_from_its_pyramid(name: str) -> None:
    state = {key: torch.empty(shape, device="meta") for key, shape in pyramid_shapes(name).items()}
    assert closest_backbone(state) == name
    if name.startswith("pvt_v2"):
        original = {to_pvtv2(key): value for key, value in state.items()}
        assert closest_backbone(original) == name


@pytest.mark.parametrize("name", ["pvt_v2_b0", "pvt_v2_b2_li", "mobilenetv2_100"])
def test_a_classifier_gives_its_pyramid(name: str) -> None:
    state = _empty(name)
    assert closest_backbone(state) == name
    fit = fit_backbone(name, state)
    assert fit.problems == ""
    assert fit.tensors.keys() == _empty(name, pyramid=True).keys()


def test_a_timm_model_outside_the_profiles_fits_when_named() -> None:
    assert fit_backbone("resnet18", _empty("resnet18")).problems == ""


def test_the_original_files_head_is_dropped(original_state: dict[str, Tensor]) -> None:
    fit = fit_backbone("pvt_v2_b0", original_state)
    assert fit.problems == ""
    assert not any(name.startswith("head") for name in fit.tensors)


def test_a_damaged_file_is_still_recognised_and_named_in_its_own_names() -> None:
    state = _empty("pvt_v2_b0")
    state["stages.3.norm.extra"] = state.pop("stages.3.norm.weight")
    assert closest_backbone(state) == "pvt_v2_b0"
    assert fit_backbone("pvt_v2_b0", state).problems == (
        "1 missing (first: stages.3.norm.weight); 1 unexpected (first: stages.3.norm.extra)"
    )


def test_nothing_known_is_nothing() -> None:
    assert closest_backbone(_empty("resnet18")) is None
    assert closest_backbone({}) is None
