from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sali_core.config import ABLATIONS, MemoryConfig, ModelConfig
from sali_core.model.build import Network, create_network
from sali_core.stream.segmenter import StreamSegmenter
from sali_core.training.clip_forward import clip_forward
from sali_core.training.losses import deep_supervision_loss
from sali_core.training.memory_kinds import MemoryMix

AS_IN_LIFE = MemoryMix(empty_bank=0.0, predicted=1.0, missing=0.0, wrong=0.0)
SIZES = {"paper": 64, "released": 256}


def _network(tiny_config: ModelConfig, topology: str, ablation: str = "full") -> Network:
    torch.manual_seed(0)
    keys = 4 if topology == "released" else 8
    return create_network(
        replace(
            tiny_config,
            topology=topology,
            ablation=ablation,
            key_channels=keys,
            input_size=SIZES[topology],
        )
    )


def _clip(frames: int, size: int, batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    rgb = torch.randint(
        0, 256, (batch, frames, 3, size, size), generator=generator, dtype=torch.uint8
    )
    masks = torch.zeros(batch, frames, 1, size, size)
    masks[..., size // 4 : size // 2, size // 4 : size // 2] = 1
    return rgb, masks


@pytest.mark.parametrize("topology", ["paper", "released"])
@torch.no_grad()
def test_predicted_memory_is_what_a_stream_finds(tiny_config: ModelConfig, topology: str) -> None:
    network = _network(tiny_config, topology).eval()
    rgb, masks = _clip(2, SIZES[topology])
    generator = torch.Generator().manual_seed(0)
    outputs = clip_forward(network, rgb, masks, generator, AS_IN_LIFE)
    segmenter = StreamSegmenter(network, memory=MemoryConfig(write_every_frames=1), threshold=0.5)
    state = segmenter.initial_state()
    for t, output in enumerate(outputs):
        live = segmenter.step(state, rgb[0, t].permute(1, 2, 0).numpy()).logits
        np.testing.assert_allclose(output.s3[0, 0].numpy(), live, atol=2e-4)


@pytest.mark.parametrize("topology", ["paper", "released"])
@torch.no_grad()
def test_what_memory_holds_changes_the_last_frame_only(
    tiny_config: ModelConfig, topology: str
) -> None:
    network = _network(tiny_config, topology).eval()
    rgb, masks = _clip(2, SIZES[topology])
    last = []
    for mix in (AS_IN_LIFE, replace(AS_IN_LIFE, predicted=0.0), replace(AS_IN_LIFE, empty_bank=1)):
        outputs = clip_forward(network, rgb, masks, torch.Generator().manual_seed(0), mix)
        last.append(outputs)
    assert torch.equal(last[0][0].s3, last[1][0].s3)
    assert torch.equal(last[0][0].s3, last[2][0].s3)
    assert not torch.equal(last[0][1].s3, last[1][1].s3)
    assert not torch.equal(last[0][1].s3, last[2][1].s3)


@pytest.mark.parametrize(
    ("topology", "ablation"), [*(("paper", name) for name in ABLATIONS), ("released", "full")]
)
def test_every_part_of_every_network_learns(
    tiny_config: ModelConfig, topology: str, ablation: str
) -> None:
    network = _network(tiny_config, topology, ablation).train()
    rgb, masks = _clip(3, SIZES[topology], batch=2)
    mix = MemoryMix(empty_bank=0.0)
    outputs = clip_forward(network, rgb, masks, torch.Generator().manual_seed(0), mix)
    assert [out.sg.shape for out in outputs] == [masks[:, 0].shape] * 3
    sum(deep_supervision_loss(out, masks[:, t]) for t, out in enumerate(outputs)).backward()
    idle = [name for name, p in network.named_parameters() if p.grad is None]
    assert idle == []
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


def test_a_single_picture_is_a_clip(tiny_config: ModelConfig) -> None:
    network = _network(tiny_config, "paper").eval()
    rgb, masks = _clip(3, 64)
    with torch.no_grad():
        alone = clip_forward(network, rgb[:, :1], masks[:, :1], torch.Generator(), AS_IN_LIFE)
        first = clip_forward(network, rgb, masks, torch.Generator(), AS_IN_LIFE)[0]
    assert len(alone) == 1
    torch.testing.assert_close(alone[0].s3, first.s3)
