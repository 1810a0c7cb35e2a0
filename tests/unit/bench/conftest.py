from __future__ import annotations

from pathlib import Path

import pytest

from sali_core.bench.networks import save_random_weights
from sali_core.config import ModelConfig, get_profile


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the small profile at 64 x 64."""
    config = ModelConfig.from_dict(get_profile("small").to_dict() | {"input_size": 64})
    return save_random_weights(tmp_path_factory.mktemp("weights"), "small", config)
