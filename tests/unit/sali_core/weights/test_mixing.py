from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sali_core.errors import CheckpointError
from sali_core.model.network import SaliNetwork
from sali_core.weights.mixing import mix_weights
from sali_core.weights.store import WeightsHeader, load_network, save_weights


@pytest.fixture
def files(network: SaliNetwork, tmp_path: Path) -> tuple[Path, Path]:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    save_weights(first, network, WeightsHeader("first", "small", 0.4, network.config))
    further = SaliNetwork(network.config)
    further.load_state_dict({k: v + 1 for k, v in network.state_dict().items()})
    save_weights(second, further, WeightsHeader("second", "small", 0.6, network.config))
    return first, second


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_every_weight_lies_between(
    files: tuple[Path, Path], network: SaliNetwork, share: float, tmp_path: Path
) -> None:
    out = tmp_path / "mixed.safetensors"
    mix_weights(*files, share, out)
    mixed, header = load_network(out)
    assert (header.name, header.threshold) == ("second", 0.6)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            wanted = value + share
            torch.testing.assert_close(mixed.state_dict()[name], wanted, atol=2e-2, rtol=2e-3)


def test_weights_of_another_network_are_refused(
    files: tuple[Path, Path], network: SaliNetwork, tmp_path: Path
) -> None:
    channels = 2 * network.config.channels
    config = replace(network.config, channels=channels, value_channels=channels // 2)
    other = SaliNetwork(config)
    path, out = tmp_path / "other.safetensors", tmp_path / "mixed.safetensors"
    save_weights(path, other, WeightsHeader("other", "small", 0.5, other.config))
    with pytest.raises(CheckpointError, match="another network"):
        mix_weights(path, files[0], 0.5, out)
    assert not out.exists()
