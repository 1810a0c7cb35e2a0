from __future__ import annotations

import numpy as np
import pytest
import torch

from sali_core.bench.frames import BenchFrames
from sali_core.bench.networks import random_network
from sali_core.bench.stages import (
    STAGES,
    OperationCount,
    StagedStream,
    StageTimes,
    call_stage,
    can_be_staged,
)
from sali_core.config import MemoryConfig, ModelConfig, get_profile
from sali_core.errors import EmptyMemoryError
from sali_core.stream.segmenter import StreamSegmenter

CPU = torch.device("cpu")


def _config(topology: str, size: int) -> ModelConfig:
    values = get_profile("small").to_dict() | {"topology": topology, "input_size": size}
    return ModelConfig.from_dict(values | {"key_channels": 4 if topology == "released" else 8})


@pytest.mark.parametrize(("topology", "size"), [("paper", 64), ("released", 256)])
def test_stages_one_by_one_give_what_a_step_gives(topology: str, size: int) -> None:
    config = _config(topology, size)
    network, threshold = random_network(config, seed=1)
    memory = MemoryConfig(2, 1)
    staged = StagedStream(network, memory, threshold, CPU)
    whole = StreamSegmenter(network, memory=memory, threshold=threshold)
    state, frames, times = whole.initial_state(), BenchFrames(size, count=4), StageTimes(CPU)
    for number in range(4):
        logits = staged.step(frames.frame(0, number), times)
        expected = whole.step(state, frames.frame(0, number)).logits
        np.testing.assert_allclose(logits[0, 0].numpy(), expected, atol=1e-4)
    assert all(len(times.times_ms[stage]) == 4 for stage in STAGES)


def test_operations_of_a_stage_are_those_of_its_convolutions() -> None:
    config = _config("paper", 64)
    network, threshold = random_network(config, seed=1)
    stream = StagedStream(network, MemoryConfig(35, 1), threshold, CPU)
    frames, count = BenchFrames(64, count=2), OperationCount()
    stream.step(frames.frame(0, 0), call_stage)
    stream.fill()
    assert len(stream.bank) == 35
    stream.step(frames.frame(0, 1), count)
    assert list(count.operations) == list(STAGES)
    made: list[int] = []

    def note(conv: torch.nn.Conv2d, _: object, out: torch.Tensor) -> None:
        made.append(2 * out.numel() * conv.weight[0].numel())

    for module in network.encoder.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(note)
    network.encode(torch.zeros(1, 3, 64, 64))
    assert count.operations["encode"] == sum(made)
    assert count.operations["read"] > 0, "fused attention must be counted, too"


def test_an_empty_bank_cannot_be_filled() -> None:
    network, threshold = random_network(_config("paper", 64), seed=1)
    with pytest.raises(EmptyMemoryError):
        StagedStream(network, MemoryConfig(), threshold, CPU).fill()


def test_an_ablation_has_no_stages() -> None:
    config = ModelConfig.from_dict(_config("paper", 64).to_dict() | {"ablation": "without_lim"})
    assert not can_be_staged(random_network(config)[0])
