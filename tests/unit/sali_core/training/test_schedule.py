from __future__ import annotations

import pytest
import torch
from torch import nn

from sali_core.config import ModelConfig
from sali_core.model.build import create_network
from sali_core.training.config import TrainConfig
from sali_core.training.schedule import (
    create_optimizer,
    load_optimizer,
    rate_factor,
    set_rates,
)


def test_the_rate_rises_then_falls_to_a_hundredth() -> None:
    config = TrainConfig(steps=110, warm_up=10)
    factors = [rate_factor(step, config) for step in range(111)]
    assert factors[:10] == pytest.approx([(k + 1) / 10 for k in range(10)])
    assert factors[10] == pytest.approx(1.0)
    assert factors[60] == pytest.approx(0.505)
    assert factors[110] == pytest.approx(0.01)


def test_the_papers_rate_is_constant() -> None:
    config = TrainConfig(steps=50, warm_up=0, schedule="constant")
    assert {rate_factor(step, config) for step in (0, 10, 49)} == {1.0}


def test_the_backbone_has_a_rate_of_its_own(tiny_config: ModelConfig) -> None:
    network = create_network(tiny_config)
    config = TrainConfig(lr=0.5, backbone_lr=0.25, warm_up=2, weight_decay=0.125)
    optimizer = create_optimizer(network, config)
    set_rates(optimizer, 0, config)
    assert [group["lr"] for group in optimizer.param_groups] == [0.125, 0.25]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.125, 0.125]
    held = {id(p) for p in optimizer.param_groups[0]["params"]}
    assert held == {id(p) for p in network.encoder.backbone.parameters()}


class _Turned(nn.Module):
    """Two layers, defined in either order."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.backbone = nn.Linear(2, 2)
        for name in names:
            setattr(self, name, nn.Linear(1 if name == "a" else 3, 1))


def test_optimiser_state_finds_its_parameter_in_another_order() -> None:
    old, new = _Turned("a", "b"), _Turned("b", "a")
    config = TrainConfig()
    optimizer = create_optimizer(old, config)
    for k, parameter in enumerate(old.parameters()):
        parameter.grad = torch.full_like(parameter, float(k + 1))
    optimizer.step()
    moved = create_optimizer(new, config)
    load_optimizer(moved, optimizer.state_dict(), new, old.state_dict())
    for name, parameter in new.named_parameters():
        theirs = optimizer.state[old.get_parameter(name)]["exp_avg"]
        assert torch.equal(moved.state[parameter]["exp_avg"], theirs)
