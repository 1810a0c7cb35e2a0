"""The authors' published network, computed here, against what theirs computed.

The first frames only (a few seconds each on two cores); the bank is not full yet.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sali_core.config import ModelConfig
from sali_core.errors import CheckpointError
from sali_core.memory.token_bank import TokenBank
from sali_core.model.released.network import ReleasedNetwork, weigh_values
from sali_core.weights.released import from_released, is_released

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
FRAMES = 4


@pytest.fixture(scope="module")
def inputs() -> ModuleType:
    path = SHARED / "tools" / "parity_inputs.py"
    if not path.exists():
        pytest.skip("no parity fixtures here (../shared/data/parity)")
    spec = importlib.util.spec_from_file_location("parity_inputs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def state(inputs: ModuleType) -> dict[str, torch.Tensor]:
    shapes = SHARED / "data/parity/released_state_shapes.json"
    checkpoint: dict[str, torch.Tensor] = inputs.released_state_dict(shapes, seed=1)
    return checkpoint


def test_the_first_frames_give_the_authors_logits(
    inputs: ModuleType, state: dict[str, torch.Tensor]
) -> None:
    expected = np.load(SHARED / "data/parity/released_seed1.npz")
    network = ReleasedNetwork(ModelConfig(key_channels=4))
    network.load_state_dict(from_released(state), strict=True)
    network.eval()
    bank = TokenBank()
    with torch.inference_mode():
        pyramids = [
            network.encode(torch.from_numpy(inputs.frame(t, 1)).permute(2, 0, 1)[None])
            for t in range(FRAMES + 1)
        ]
        for t in range(FRAMES):
            query = network.project(pyramids[t])
            scores = network.segment(bank.read(query), pyramids[t], pyramids[t + 1])
            bank.write(query.keys, weigh_values(query.values, scores))
            logits = F.interpolate(scores.s3, scale_factor=8, mode="bilinear")[0, 0]
            sampled = logits[4::8, 4::8].numpy()
            assert np.abs(sampled - expected["logits"][t]).max() <= 1e-3, f"frame {t}"
            assert bank.token_counts == tuple(expected["tokens"][t])


def test_a_data_parallel_checkpoint_is_the_same(state: dict[str, torch.Tensor]) -> None:
    wrapped = {f"module.{name}": value for name, value in state.items()}
    assert is_released(wrapped)
    assert from_released(wrapped).keys() == from_released(state).keys()


def test_a_foreign_name_is_refused(state: dict[str, torch.Tensor]) -> None:
    with pytest.raises(CheckpointError, match=r"'head\.weight' is not one of the released"):
        from_released({"head.weight": torch.zeros(1)})
    assert not is_released({"head.weight": torch.zeros(1)})
