from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from sali_core.config import ModelConfig, get_profile


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors are faster on one thread, and sums keep their order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_config() -> ModelConfig:
    """The paper's topology on the smallest backbone, 64 x 64."""
    values = get_profile("small").to_dict() | {"backbone": "mobilenetv2_035", "input_size": 64}
    return ModelConfig.from_dict(values)
