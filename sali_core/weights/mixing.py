"""Weights between two of one network: what fine-tuning won, without what it lost.

The mean of the weights of a network and of the same network trained further often keeps most of
what both can do (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).
"""

from __future__ import annotations

from pathlib import Path

from sali_core.weights.store import load_network, save_weights


def mix_weights(first: Path, second: Path, share: float, out: Path) -> None:
    """Write a network each of whose weights lies between those of two files, in half precision.

    Args:
        first: A weights file.
        second: One of the same network; its name and thresholds are kept.
        share: Of the second, in [0, 1].
        out: File to write.

    Raises:
        CheckpointError: A file cannot be used, or they are of different networks.
    """
    network, header = load_network(second)
    before, _ = load_network(first, header.config)
    state = network.state_dict()
    for name, value in before.state_dict().items():
        if value.is_floating_point():
            state[name] = value.lerp(state[name], share)
    network.load_state_dict(state)
    save_weights(out, network, header)
