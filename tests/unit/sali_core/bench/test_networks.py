from __future__ import annotations

from pathlib import Path

import torch

from sali_core.bench.networks import random_network, save_random_weights
from sali_core.config import ModelConfig, get_profile
from sali_core.weights.store import load_network

CONFIG = ModelConfig.from_dict(get_profile("small").to_dict() | {"input_size": 64})


def test_the_same_seed_gives_the_same_network_and_leaves_the_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second = random_network(CONFIG, 1), random_network(CONFIG, 1)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first[1] == second[1]
    for a, b in zip(first[0].parameters(), second[0].parameters(), strict=True):
        assert torch.equal(a, b)
    assert random_network(CONFIG, 2)[1] != first[1]


def test_a_weights_file_holds_the_network_to_the_bit(tmp_path: Path) -> None:
    path = save_random_weights(tmp_path, "small", CONFIG, seed=1)
    network, header = load_network(path)
    expected, threshold = random_network(CONFIG, 1)
    assert (header.threshold, header.profile, header.config) == (threshold, "small", CONFIG)
    for name, value in expected.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name
    assert any(bool(sam.offset.weight.any()) for sam in network.relation.sam), (
        "offsets of zero would sample on the grid"
    )
