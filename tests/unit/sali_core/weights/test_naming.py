from __future__ import annotations

import pytest
import torch
from timm.models.pvt_v2 import checkpoint_filter_fn
from torch import Tensor

from sali_core.errors import CheckpointError
from sali_core.weights.backbones import pyramid_shapes
from sali_core.weights.naming import from_pvtv2, to_pvtv2


def test_the_made_up_original_file_is_what_timm_converts(
    classifier: torch.nn.Module, original_state: dict[str, Tensor]
) -> None:
    converted = checkpoint_filter_fn(dict(original_state), classifier)
    assert converted.keys() == classifier.state_dict().keys()


def test_original_names_are_those_of_timms_pyramid(original_state: dict[str, Tensor]) -> None:
    names = {from_pvtv2(name) for name in original_state if not name.startswith("head.")}
    assert names == pyramid_shapes("pvt_v2_b0").keys()


def test_original_names_map_back(original_state: dict[str, Tensor]) -> None:
    for name in original_state:
        if not name.startswith("head."):
            assert to_pvtv2(from_pvtv2(name)) == name


def test_a_foreign_name_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"'head\.weight' is not one of the original PVTv2"):
        from_pvtv2("head.weight")
