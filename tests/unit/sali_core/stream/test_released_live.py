"""The released network live: predecessor as neighbour, frame-wise eviction, fixed threshold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from sali_core.config import MemoryConfig, ModelConfig
from sali_core.model.build import Network, create_network
from sali_core.stream.segmenter import StreamSegmenter

SIZE = 256


@pytest.fixture(scope="module")
def released() -> Network:
    torch.manual_seed(1)
    config = ModelConfig(topology="released", key_channels=4, backbone="pvt_v2_b0", input_size=SIZE)
    return create_network(config).eval()


def _frames(seed: int, count: int) -> list[npt.NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8) for _ in range(count)]


def _segmenter(network: Network) -> StreamSegmenter:
    memory = MemoryConfig(capacity_frames=3, write_every_frames=1)
    return StreamSegmenter(network, memory=memory, threshold=0.5)


def test_all_scales_hold_the_same_frames_when_the_bank_is_full(released: Network) -> None:
    segmenter = _segmenter(released)
    state = segmenter.initial_state()
    for number, frame in enumerate(_frames(0, 6)):
        segmenter.step(state, frame)
        assert state.bank.frame_indices[-1] == number
        counts = [tokens.keys.shape[1] for tokens in state.bank.tokens]
        held = len(state.bank)
        assert counts == [held * (SIZE // stride) ** 2 for stride in (8, 16, 32)]
    assert len(state.bank) == 3


def test_interleaved_streams_equal_streams_alone_to_the_bit(released: Network) -> None:
    segmenter = _segmenter(released)
    clips = [_frames(1, 4), _frames(2, 4)]
    alone = []
    for clip in clips:
        state = segmenter.initial_state()
        alone.append([segmenter.step(state, frame).logits for frame in clip])
    states = [segmenter.initial_state(), segmenter.initial_state()]
    for t in range(4):
        for k in (1, 0):
            logits = segmenter.step(states[k], clips[k][t]).logits
            np.testing.assert_array_equal(logits, alone[k][t])


def test_the_encoder_runs_once_per_frame(released: Network) -> None:
    segmenter, calls = _segmenter(released), []
    hook = released.encoder.register_forward_hook(lambda *_: calls.append(1))
    state = segmenter.initial_state()
    for frame in _frames(3, 4):
        segmenter.step(state, frame)
    hook.remove()
    assert len(calls) == 4
