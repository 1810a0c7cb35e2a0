from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import torch

from sali_core.config import MemoryConfig
from sali_core.errors import ShapeError
from sali_core.model.network import SaliNetwork
from sali_core.stream.segmenter import StreamSegmenter
from sali_core.stream.state import StreamState

Frame = npt.NDArray[np.uint8]


def _frames(seed: int, count: int) -> list[Frame]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (128, 128, 3), dtype=np.uint8) for _ in range(count)]


def _segmenter(network: SaliNetwork, **memory: int) -> StreamSegmenter:
    # This threshold gives random weights masks that are neither empty nor full.
    return StreamSegmenter(network, memory=MemoryConfig(**memory), threshold=_median(network))


def _median(network: SaliNetwork) -> float:
    probe = StreamSegmenter(network, memory=MemoryConfig(), threshold=0.5)
    return float(np.median(probe.step(probe.initial_state(), _frames(0, 1)[0]).probability))


def _run(segmenter: StreamSegmenter, frames: list[Frame]) -> Iterator[Frame]:
    state = segmenter.initial_state()
    for frame in frames:
        yield segmenter.step(state, frame).logits


def test_first_frame_is_its_own_predecessor_and_reads_itself(network: SaliNetwork) -> None:
    frame = _frames(3, 1)[0]
    with torch.inference_mode():
        rgb = torch.from_numpy(frame).permute(2, 0, 1)[None]
        expected = network(rgb, network.encode(rgb), None).logits[0, 0]
    first = next(_run(_segmenter(network), [frame]))
    np.testing.assert_array_equal(first, expected.numpy())


def test_interleaved_streams_equal_streams_alone_to_the_bit(network: SaliNetwork) -> None:
    segmenter = _segmenter(network, capacity_frames=3, write_every_frames=2)
    one, two = _frames(1, 12), _frames(2, 12)
    alone = [list(_run(segmenter, one)), list(_run(segmenter, two))]
    states = [segmenter.initial_state(), segmenter.initial_state()]
    order = np.random.default_rng(5).permutation([0] * 12 + [1] * 12)
    together: list[list[Frame]] = [[], []]
    for stream in order:
        frames = (one, two)[stream]
        frame = frames[len(together[stream])]
        together[stream].append(segmenter.step(states[stream], frame).logits)
    for stream in range(2):
        for a, b in zip(alone[stream], together[stream], strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_peak_threshold_decides_what_is_shown_and_remembered(network: SaliNetwork) -> None:
    frame = _frames(0, 1)[0]
    middle = _median(network)
    plain = StreamSegmenter(network, memory=MemoryConfig(), threshold=middle)
    unsure = StreamSegmenter(network, memory=MemoryConfig(), threshold=middle, peak_threshold=0.999)
    shown, hidden = plain.initial_state(), unsure.initial_state()
    seen = plain.step(shown, frame)
    held_back = unsure.step(hidden, frame)
    assert seen.probability.max() < 0.999
    assert seen.mask.any()
    assert not held_back.mask.any()
    np.testing.assert_array_equal(seen.logits, held_back.logits)
    # All cells of a frame without mask are background: one token.
    assert shown.bank.tokens[0].keys.shape[1] > 1
    assert hidden.bank.tokens[0].keys.shape[1] == 1


def test_a_frame_enters_memory_every_five_and_the_first_always(network: SaliNetwork) -> None:
    segmenter = _segmenter(network)
    state = segmenter.initial_state()
    held = []
    for frame in _frames(4, 12):
        segmenter.step(state, frame)
        held.append(state.bank.frame_indices)
    assert held[0] == (0,)
    assert held[4] == (0,)
    assert held[5] == (0, 5)
    assert held[11] == (0, 5, 10)


def test_full_bank_stays_full_and_keeps_the_newest_memory_frame(network: SaliNetwork) -> None:
    segmenter = _segmenter(network, capacity_frames=3, write_every_frames=1)
    state = segmenter.initial_state()
    for number, frame in enumerate(_frames(6, 10)):
        segmenter.step(state, frame)
        assert len(state.bank) == min(number + 1, 3)
        assert state.bank.frame_indices[-1] == number


def test_memory_changes_the_result(network: SaliNetwork) -> None:
    frames = _frames(7, 2)
    with_memory = list(_run(_segmenter(network), frames))[1]
    without = next(_run(_segmenter(network), frames[1:]))
    assert np.abs(with_memory - without).max() > 1e-4


def test_encoder_runs_once_per_frame(network: SaliNetwork) -> None:
    calls = []
    hook = network.encoder.register_forward_hook(lambda *_: calls.append(1))
    list(_run(_segmenter(network), _frames(8, 4)))
    hook.remove()
    # One more: `_segmenter` looks at a frame to find a threshold.
    assert len(calls) == 5


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((127, 128, 3), np.uint8),
        np.zeros((128, 128), np.uint8),
        np.zeros((128, 128, 3), np.float32),
    ],
)
def test_a_frame_that_does_not_fit_is_refused_and_leaves_the_state(
    network: SaliNetwork, frame: Frame
) -> None:
    segmenter = _segmenter(network)
    state: StreamState = segmenter.initial_state()
    with pytest.raises(ShapeError, match="the network wants uint8"):
        segmenter.step(state, frame)
    assert state.frames_seen == 0
    assert len(state.bank) == 0


def test_a_full_state_holds_what_a_bank_can_hold_and_can_be_stepped(network: SaliNetwork) -> None:
    segmenter = _segmenter(network, capacity_frames=3, write_every_frames=1)
    state = segmenter.full_state()
    assert len(state.bank) == 3
    for frame in _frames(4, 2):
        assert np.isfinite(segmenter.step(state, frame).logits).all()
    assert len(state.bank) == 3
