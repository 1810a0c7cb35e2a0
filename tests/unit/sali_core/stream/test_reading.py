"""What a step tells of its read from memory, and that asking changes nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from sali_core.config import MemoryConfig, ModelConfig, get_profile
from sali_core.engine.batched import BatchSegmenter
from sali_core.engine.dense_parts import split_batched
from sali_core.memory import bank
from sali_core.model.build import Network, create_network
from sali_core.model.network import SaliNetwork
from sali_core.stream.masking import MaskRule
from sali_core.stream.segmenter import StreamSegmenter
from sali_core.types import StepResult

MEMORY = MemoryConfig(capacity_frames=3, write_every_frames=2)
Frame = npt.NDArray[np.uint8]


def _frames(size: int, count: int) -> list[Frame]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(count)]


@pytest.fixture(params=["paper", "released"])
def any_network(request: pytest.FixtureRequest, network: SaliNetwork) -> Network:
    if request.param == "paper":
        return network
    values = get_profile("released").to_dict()
    config = ModelConfig.from_dict(values | {"backbone": "pvt_v2_b0", "input_size": 256})
    torch.manual_seed(1)
    return create_network(config).eval()


def _threshold(network: Network) -> float:
    """In the middle of what random weights give: masks neither empty nor full."""
    probe = StreamSegmenter(network, memory=MEMORY, threshold=0.5)
    first = _frames(network.config.input_size, 1)[0]
    return float(np.median(probe.step(probe.initial_state(), first).probability))


def _segmenter(network: Network) -> StreamSegmenter:
    return StreamSegmenter(network, memory=MEMORY, threshold=_threshold(network))


def _run(segmenter: StreamSegmenter, frames: list[Frame], asked: set[int]) -> list[StepResult]:
    state = segmenter.initial_state()
    results = []
    for number, frame in enumerate(frames):
        if number in asked:
            segmenter.ask(state)
        results.append(segmenter.step(state, frame))
    return results


def test_only_steps_that_are_asked_tell_and_their_logits_stay_the_same_to_the_bit(
    any_network: Network,
) -> None:
    segmenter = _segmenter(any_network)
    frames = _frames(any_network.config.input_size, 4)
    silent, asked = _run(segmenter, frames, set()), _run(segmenter, frames, {0, 1, 3})
    for one, other in zip(silent, asked, strict=True):
        np.testing.assert_array_equal(one.logits, other.logits)
        assert one.reading is None
    told = [number for number, result in enumerate(asked) if result.reading is not None]
    assert told == [0, 1, 3]


def test_a_step_tells_what_its_read_saw_before_the_frame_itself_entered(
    any_network: Network,
) -> None:
    frames = _frames(any_network.config.input_size, 5)
    results = _run(_segmenter(any_network), frames, {0, 1, 4})
    first, second, fifth = (results[k].reading for k in (0, 1, 4))
    assert first is not None
    assert first.frames == ()  # an empty bank: the frame reads itself
    assert second is not None
    assert second.frames == (0,)
    assert fifth is not None
    assert fifth.frames == (0, 2)
    assert fifth.shares.sum() == pytest.approx(1.0, abs=1e-5)
    assert fifth.maps is not None
    np.testing.assert_allclose(fifth.maps.sum((1, 2)), fifth.shares, atol=1e-6)
    assert [result.memory_frame for result in results] == [0, None, 2, None, 4]


def test_without_a_question_no_affinity_is_computed(
    network: SaliNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counted(*args: object, **more: object) -> torch.Tensor:
        calls.append(1)
        return computed(*args, **more)  # type: ignore[arg-type]

    computed = bank.attention_received
    monkeypatch.setattr(bank, "attention_received", counted)
    segmenter = _segmenter(network)
    _run(segmenter, _frames(128, 5), set())
    assert not calls
    _run(segmenter, _frames(128, 5), {4})
    assert len(calls) == 3  # one a scale


def test_a_network_without_memory_has_nothing_to_tell(small_config: ModelConfig) -> None:
    config = ModelConfig.from_dict(small_config.to_dict() | {"ablation": "without_lim"})
    segmenter = _segmenter(create_network(config).eval())
    results = _run(segmenter, _frames(128, 3), {2})
    assert results[2].reading is not None
    assert results[2].reading.frames == ()
    assert all(result.memory_frame is None for result in results)


def test_a_batch_tells_the_shares_that_the_plain_engine_tells(any_network: Network) -> None:
    size = any_network.config.input_size
    # Three memory frames fill the bank, a fourth displaces one.
    frames = _frames(size, 8 if any_network.config.topology == "paper" else 4)
    asked = {0, 3, len(frames) - 1}
    plain = _segmenter(any_network)
    batched = BatchSegmenter(
        any_network.config, split_batched(any_network), memory=MEMORY,
        rule=MaskRule(_threshold(any_network), None), device=torch.device("cpu"), slots=4,
    )  # fmt: skip
    expected = _run(plain, frames, asked)
    state, neighbour = batched.initial_state(), batched.initial_state()
    for number, frame in enumerate(frames):
        if number in asked:
            batched.ask(state)
        result, other = batched.step_many([state, neighbour], [frame, frame[::-1].copy()])
        assert other.reading is None
        assert result.memory_frame == expected[number].memory_frame
        wanted = expected[number].reading
        assert (result.reading is None) == (wanted is None)
        if result.reading is not None and wanted is not None:
            assert result.reading.frames == wanted.frames
            assert result.reading.maps is None
            np.testing.assert_allclose(result.reading.shares, wanted.shares, atol=1e-4)
    assert batched.frames_held(state) == plain_frames(plain, frames)


def plain_frames(segmenter: StreamSegmenter, frames: list[Frame]) -> tuple[int, ...]:
    state = segmenter.initial_state()
    for frame in frames:
        segmenter.step(state, frame)
    return segmenter.frames_held(state)
