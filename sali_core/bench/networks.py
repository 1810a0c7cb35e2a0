"""Networks to measure: of a weights file, or of a profile with random weights from a seed."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sali_core.bench.frames import BenchFrames
from sali_core.config import ModelConfig
from sali_core.model.build import Network, create_network
from sali_core.weights.header import WeightsHeader
from sali_core.weights.store import save_weights

_OFFSET_GAIN = 0.6
FOREGROUND_SHARE = 0.05
"""Of the pixels, what the thresholds of random weights aim at: a polyp's usual share."""


def random_network(config: ModelConfig, seed: int = 0) -> tuple[Network, float]:
    """Build a network with random weights, the same for the same seed.

    Its maps mean nothing, but it takes as long as a trained one, and its logits vary as much as a
    trained one's, so that differences of them can be told: weights are normal with a variance of
    1 / inputs, offsets of deformable convolutions are not zero, and the threshold is put where
    `FOREGROUND_SHARE` of the first frames' pixels count as polyp, because masks decide how many
    tokens the memory of `paper` holds.

    Returns:
        The network, float32, in inference mode, on the CPU; and the threshold.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = create_network(config).eval()
        for name, weight in network.named_parameters():
            if weight.dim() > 1:  # the usual starts would let signals of a deep network fade
                gain = _OFFSET_GAIN if "offset" in name else 1.0
                nn.init.normal_(weight, std=gain * weight[0].numel() ** -0.5)
    frames = BenchFrames(config.input_size, count=2)
    with torch.inference_mode():
        maps = []
        for number in range(2):
            rgb = torch.from_numpy(frames.frame(0, number).copy()).permute(2, 0, 1)[None]
            maps.append(torch.sigmoid(network(rgb, None, None).logits))
    ranked = torch.cat(maps).flatten().sort().values
    threshold = float(ranked[int((1 - FOREGROUND_SHARE) * (len(ranked) - 1))])
    return network, min(max(threshold, 1e-6), 1 - 1e-6)


def save_random_weights(folder: Path, profile: str, config: ModelConfig, seed: int = 0) -> Path:
    """Write a network of `random_network` as a weights file, float32; return its path."""
    network, threshold = random_network(config, seed)
    header = WeightsHeader(
        name=f"{profile}, random weights", profile=profile, threshold=threshold, config=config
    )
    path = folder / f"{profile}-random.safetensors"
    save_weights(path, network, header, half=False)
    return path
