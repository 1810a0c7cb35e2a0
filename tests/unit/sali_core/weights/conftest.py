from __future__ import annotations

from dataclasses import replace

import pytest
import timm
import torch
from torch import Tensor

from sali_core.config import get_profile
from sali_core.model.released.network import ReleasedNetwork
from sali_core.weights.released import to_released

State = dict[str, Tensor]


@pytest.fixture(scope="session")
def tiny_released() -> ReleasedNetwork:
    """The authors' topology on the smallest PVTv2, random weights."""
    torch.manual_seed(1)
    return ReleasedNetwork(replace(get_profile("released"), backbone="pvt_v2_b0"))


@pytest.fixture(scope="session")
def authors_state(tiny_released: ReleasedNetwork) -> State:
    """The same weights under the authors' names."""
    return {to_released(name): value for name, value in tiny_released.state_dict().items()}


@pytest.fixture(scope="session")
def classifier() -> torch.nn.Module:
    """timm's plain PVTv2-B0, random weights."""
    torch.manual_seed(2)
    model: torch.nn.Module = timm.create_model("pvt_v2_b0", pretrained=False, num_classes=10)
    return model.eval()


@pytest.fixture(scope="session")
def original_state(classifier: torch.nn.Module) -> State:
    """The classifier's weights as the original PVTv2 files name them, written out here anew."""
    state = {}
    for name, value in classifier.state_dict().items():
        parts = name.split(".")
        if parts[0] == "patch_embed":
            parts[0] = "patch_embed1"
        elif parts[0] == "stages":
            number = int(parts[1]) + 1
            kind = {"blocks": "block", "downsample": "patch_embed", "norm": "norm"}[parts[2]]
            parts = [f"{kind}{number}", *parts[3:]]
        if "dwconv" in parts:
            parts.insert(parts.index("dwconv"), "dwconv")
        state[".".join(parts)] = value
    return state
