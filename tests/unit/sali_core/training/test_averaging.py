from __future__ import annotations

import pytest
import torch
from torch import nn

from sali_core.training.averaging import WeightAverage


def _norm(value: float) -> nn.BatchNorm1d:
    norm = nn.BatchNorm1d(1)
    norm.weight.data.fill_(value)
    return norm


def test_the_mean_is_exponential_and_the_start_is_soon_forgotten() -> None:
    average = WeightAverage(_norm(0.0), 0.5)
    average.update(_norm(1.0), 0)  # decay 1 / 10
    assert float(average.state["weight"]) == pytest.approx(0.9)
    average.update(_norm(2.0), 1000)  # decay 0.5
    assert float(average.state["weight"]) == pytest.approx(1.45)


def test_without_decay_it_is_the_weights_and_counters_are_copied() -> None:
    average, network = WeightAverage(_norm(0.0), 0.0), _norm(3.0)
    network.num_batches_tracked += 7
    average.update(network, 500)
    assert all(torch.equal(average.state[k], v) for k, v in network.state_dict().items())


def test_a_saved_mean_without_one_of_the_names_is_refused() -> None:
    average = WeightAverage(_norm(0.0), 0.5)
    with pytest.raises(KeyError, match="bias"):
        average.load({"weight": torch.ones(1)})
