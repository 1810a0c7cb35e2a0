from __future__ import annotations

import pytest
import torch

from sali_core.config import ModelConfig, get_profile
from sali_core.model.network import SaliNetwork


@pytest.fixture(scope="session")
def small_config() -> ModelConfig:
    """The small profile at a size that tests can afford."""
    values = get_profile("small").to_dict() | {"input_size": 128}
    return ModelConfig.from_dict(values)


@pytest.fixture(scope="session")
def network(small_config: ModelConfig) -> SaliNetwork:
    """Random weights, inference mode; offsets of the alignment are not zero as at the start."""
    torch.manual_seed(0)
    net = SaliNetwork(small_config)
    for sam in net.relation.sam:
        torch.nn.init.normal_(sam.offset.weight, std=0.05)
    return net.eval()
