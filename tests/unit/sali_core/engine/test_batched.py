"""The batched engine on the CPU, where the plain engine says what is right."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sali_core.config import MemoryConfig, ModelConfig, get_profile
from sali_core.engine.batched import BUCKETS, BatchSegmenter, SlotState
from sali_core.engine.dense_parts import split_batched
from sali_core.errors import EngineError, ShapeError
from sali_core.model.build import Network, create_network
from sali_core.model.network import SaliNetwork
from sali_core.stream.masking import MaskRule
from sali_core.stream.segmenter import StreamSegmenter
from sali_core.types import StepResult

Frame = npt.NDArray[np.uint8]
CPU = torch.device("cpu")
# Rounding: sums over a batch and over padded banks are taken in another order.
CLOSE = 2e-5
MEMORY = MemoryConfig(capacity_frames=3, write_every_frames=2)


def _frames(seed: int, count: int, size: int = 128) -> list[Frame]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (size, size, 3), dtype=np.uint8) for _ in range(count)]


def _threshold(network: Network) -> float:
    """One that gives random weights masks that are neither empty nor full."""
    probe = StreamSegmenter(network, memory=MemoryConfig(), threshold=0.5)
    first = _frames(0, 1, network.config.input_size)[0]
    return float(np.quantile(probe.step(probe.initial_state(), first).probability, 0.7))


def _batched(
    network: Network, memory: MemoryConfig = MEMORY, *, slots: int = 8,
    peak: float | None = None, precision: str = "float32",
) -> BatchSegmenter:  # fmt: skip
    return BatchSegmenter(
        network.config,
        split_batched(network),
        memory=memory,
        rule=MaskRule(_threshold(network), peak),
        device=CPU,
        slots=slots,
        precision=precision,
    )


def _alone(
    network: Network, frames: list[Frame], memory: MemoryConfig = MEMORY, peak: float | None = None
) -> list[StepResult]:
    plain = StreamSegmenter(
        network, memory=memory, threshold=_threshold(network), peak_threshold=peak
    )
    state = plain.initial_state()
    return [plain.step(state, frame) for frame in frames]


@pytest.fixture(scope="module")
def released() -> Network:
    values = get_profile("released").to_dict()
    config = ModelConfig.from_dict(values | {"backbone": "pvt_v2_b0", "input_size": 256})
    torch.manual_seed(1)
    return create_network(config).eval()


def _ablation(name: str, small_config: ModelConfig) -> Network:
    config = ModelConfig.from_dict(small_config.to_dict() | {"ablation": name})
    torch.manual_seed(2)
    return create_network(config).eval()


def _check_ragged_streams(network: Network, memory: MemoryConfig, steps: int, **rule: float) -> int:
    """Step streams that start one after another, together; return the pixels that were masked."""
    size = network.config.input_size
    videos = [_frames(10 + k, steps - 2 * k, size) for k in range(3)]
    batched = _batched(network, memory, **rule)  # type: ignore[arg-type]
    states: list[SlotState] = []
    together: list[list[StepResult]] = [[], [], []]
    for number in range(steps):
        if number % 2 == 0 and len(states) < 3:
            states.append(batched.initial_state())
        there = range(len(states))
        pictures = [videos[k][len(together[k])] for k in there]
        for k, result in zip(there, batched.step_many(states, pictures), strict=True):
            together[k].append(result)
    masked = 0
    for video, results in zip(videos, together, strict=True):
        for plain, result in zip(_alone(network, video, memory, **rule), results, strict=True):
            np.testing.assert_allclose(result.logits, plain.logits, atol=CLOSE, rtol=0)
            np.testing.assert_allclose(result.probability, plain.probability, atol=CLOSE, rtol=0)
            assert (result.mask != plain.mask).mean() <= 1e-3
            masked += int(result.mask.sum())
    return masked


@pytest.mark.parametrize("soft", [False, True], ids=["binary", "soft"])
def test_streams_of_any_age_together_equal_each_alone(network: SaliNetwork, soft: bool) -> None:
    memory = MemoryConfig(3, 2, soft_masks=soft)
    assert _check_ragged_streams(network, memory, steps=11) > 1000


def test_streams_of_the_released_network_together_equal_each_alone(released: Network) -> None:
    assert _check_ragged_streams(released, MEMORY, steps=9) > 1000


def test_the_peak_rule_decides_what_is_shown_and_remembered(network: SaliNetwork) -> None:
    frames = _frames(10, 4)
    sure = float(np.quantile(_alone(network, frames)[0].probability, 0.9999))
    masked = _check_ragged_streams(network, MEMORY, steps=9, peak=sure)
    assert 0 < masked < _check_ragged_streams(network, MEMORY, steps=9)


@pytest.mark.parametrize("ablation", ["without_ma", "without_lim", "without_sam"])
def test_ablations_together_equal_each_alone(ablation: str, small_config: ModelConfig) -> None:
    _check_ragged_streams(_ablation(ablation, small_config), MEMORY, steps=7)


def test_a_full_bank_holds_the_frames_that_the_plain_bank_holds(network: SaliNetwork) -> None:
    frames = _frames(20, 12)
    plain = StreamSegmenter(network, memory=MEMORY, threshold=_threshold(network))
    batched = _batched(network)
    one, other = plain.initial_state(), batched.initial_state()
    for frame in frames:
        plain.step(one, frame)
        batched.step(other, frame)
        assert batched.frames_held(other) == one.bank.frame_indices
    assert len(one.bank) == 3


def test_nothing_of_a_stream_reaches_its_neighbour_in_the_batch(network: SaliNetwork) -> None:
    frames = _frames(30, 8)
    results = []
    for neighbour in (_frames(31, 8), [np.full_like(f, 255) for f in _frames(31, 8)]):
        batched = _batched(network)
        states = [batched.initial_state() for _ in range(2)]
        results.append(
            [
                batched.step_many(states, [mine, theirs])[0]
                for mine, theirs in zip(frames, neighbour, strict=True)
            ]
        )
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one.logits, other.logits)


@pytest.mark.parametrize("topology", ["paper", "released"])
def test_not_even_a_broken_neighbours_memory_spreads(
    topology: str, released: Network, network: SaliNetwork
) -> None:
    # torchvision's deformable convolution crashes on offsets that are not numbers.
    net, canary = (network, np.nan) if topology == "paper" else (released, 1e3)
    frames = _frames(40, 5, net.config.input_size)
    runs = []
    for poison in (None, canary):
        batched = _batched(net)
        states = [batched.initial_state() for _ in range(3)]
        for frame in frames[:3]:
            batched.step_many(states, [frame] * 3)
        if poison is not None:
            _poison(batched, states[1], poison)
        runs.append([batched.step_many(states, [frame] * 3) for frame in frames[3:]])
    for clean, poisoned in zip(*runs, strict=True):
        assert not np.array_equal(clean[1].logits, poisoned[1].logits)
        for place in (0, 2):
            np.testing.assert_array_equal(clean[place].logits, poisoned[place].logits)


def _poison(batched: BatchSegmenter, state: SlotState, value: float = np.nan) -> None:
    """Fill everything a slot holds with a value that shows wherever it is read."""
    for maps in batched.pooled_memory():
        maps[state.slot] = value


def test_a_slot_given_back_starts_its_next_stream_empty(network: SaliNetwork) -> None:
    frames = _frames(50, 5)
    fresh = _batched(network, slots=1)
    expected = _steps(fresh, fresh.initial_state(), frames)
    used = _batched(network, slots=1)
    before = used.initial_state()
    _steps(used, before, _frames(51, 9))
    _poison(used, before)
    del before
    gc.collect()
    for one, other in zip(expected, _steps(used, used.initial_state(), frames), strict=True):
        np.testing.assert_array_equal(one.logits, other.logits)


def test_a_slot_given_back_hands_no_mask_on(network: SaliNetwork) -> None:
    """A faint frame is masked only where the stream's frame before was."""
    first, second = _frames(52, 2)
    alone = [_alone(network, [frame])[0].probability for frame in (first, second)]
    sure, faint = (first, second) if alone[0].max() > alone[1].max() else (second, first)
    batched = _batched(network, slots=1, peak=float(alone[0].max() + alone[1].max()) / 2)
    before = batched.initial_state()
    shown = batched.step(before, sure).mask
    slot = before.slot
    del before
    gc.collect()
    after = batched.initial_state()
    result = batched.step(after, faint)
    assert after.slot == slot
    assert (shown & (result.probability >= _threshold(network))).any(), "nothing to hand on"
    assert not result.mask.any()


def _steps(batched: BatchSegmenter, state: SlotState, frames: list[Frame]) -> list[StepResult]:
    return [batched.step(state, frame) for frame in frames]


def test_results_stay_when_the_next_batch_is_computed(network: SaliNetwork) -> None:
    batched = _batched(network)
    state = batched.initial_state()
    first = batched.step(state, _frames(60, 1)[0])
    kept = first.logits.copy()
    batched.step(state, _frames(61, 1)[0])
    np.testing.assert_array_equal(first.logits, kept)


def test_an_engine_that_nobody_holds_gives_its_memory_back_at_once(network: SaliNetwork) -> None:
    batched = _batched(network)
    batched.step(batched.initial_state(), _frames(62, 1)[0])
    gone = weakref.ref(batched)
    gc.disable()
    try:
        del batched
        assert gone() is None
    finally:
        gc.enable()


def test_more_streams_than_the_device_has_room_for_are_refused(network: SaliNetwork) -> None:
    batched = _batched(network, slots=2)
    held = [batched.initial_state() for _ in range(2)]
    with pytest.raises(EngineError, match=r"all 2 places for streams .* are in use"):
        batched.initial_state()
    held.pop()
    gc.collect()
    held.append(batched.initial_state())
    assert {state.slot for state in held} == {0, 1}


def test_a_batch_larger_than_the_largest_bucket_is_split(
    network: SaliNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sali_core.engine.batched.BUCKETS", (1, 2))
    batched = _batched(network)
    frames = _frames(70, 5)
    results = batched.step_many([batched.initial_state() for _ in frames], frames)
    for frame, result in zip(frames, results, strict=True):
        plain = _alone(network, [frame])[0]
        np.testing.assert_allclose(result.logits, plain.logits, atol=CLOSE, rtol=0)


def test_one_stream_twice_and_frames_that_do_not_fit_are_refused(network: SaliNetwork) -> None:
    batched = _batched(network)
    state, frame = batched.initial_state(), _frames(80, 1)[0]
    with pytest.raises(ShapeError, match="a stream is there twice"):
        batched.step_many([state, state], [frame, frame])
    with pytest.raises(ShapeError, match="1 states, but 0 frames"):
        batched.step_many([state], [])
    with pytest.raises(ShapeError, match="the network wants uint8"):
        batched.step(state, frame[1:])
    assert state.frames_seen == 0


def test_a_full_state_holds_what_a_bank_can_hold_and_can_be_stepped(
    network: SaliNetwork, released: Network
) -> None:
    for net in (network, released):
        batched = _batched(net)
        state = batched.full_state()
        assert len(batched.frames_held(state)) == 3
        for frame in _frames(90, 2, net.config.input_size):
            assert np.isfinite(batched.step(state, frame).logits).all()
        assert len(batched.frames_held(state)) == 3


class _Recorder:
    """Records a function as a graph would: what runs is what was recorded, on the same tensors."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.recorded = self.replayed = 0
        self._fails_at = fails_at

    def __call__(self, function: Callable[[], None]) -> Callable[[], None]:
        function()  # the warm-up
        self.recorded += 1
        if self.recorded == self._fails_at:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

        def replay() -> None:
            self.replayed += 1
            function()

        return replay


@pytest.mark.parametrize("fails_at", [None, 1, 3])
def test_recording_leaves_streams_alone_and_may_fail(
    network: SaliNetwork, fails_at: int | None
) -> None:
    """Warm-ups of a new bucket run on rows of nobody, while other streams are under way."""
    recorder = _Recorder(fails_at)
    batched = BatchSegmenter(
        network.config, split_batched(network), memory=MEMORY,
        rule=MaskRule(_threshold(network)), device=CPU, slots=4, capture=recorder,
    )  # fmt: skip
    states, video = [batched.initial_state() for _ in range(3)], _frames(95, 6)
    for number, frame in enumerate(video):
        there = 1 if number < 2 else 3
        results = batched.step_many(states[:there], [frame] * there)
        if number < 2:
            expected = results[0]
    expected = _alone(network, video)[-1]
    np.testing.assert_allclose(results[0].logits, expected.logits, atol=CLOSE, rtol=0)
    if fails_at is None:
        assert not batched.failures
        assert recorder.replayed >= len(video)
    else:
        assert (
            batched.failures
            == [
                f"a batch of {1 if fails_at == 1 else 4} could not be recorded: "
                "operation not permitted when stream is capturing"
            ]
            or fails_at == 3
        )


def test_why_a_recording_failed_is_told_with_what_came_before(network: SaliNetwork) -> None:
    def capture(function: Callable[[], None]) -> Callable[[], None]:
        try:
            raise RuntimeError("waiting is not permitted\nmore")
        finally:
            raise RuntimeError("the recording cannot end")

    batched = BatchSegmenter(
        network.config, split_batched(network), memory=MEMORY,
        rule=MaskRule(0.5), device=CPU, slots=1, capture=capture,
    )  # fmt: skip
    batched.prepare(1)
    assert batched.failures == [
        "a batch of 1 could not be recorded: the recording cannot end, "
        "after: waiting is not permitted"
    ]


def test_what_is_prepared_is_not_recorded_in_a_step(network: SaliNetwork) -> None:
    recorder = _Recorder()
    batched = BatchSegmenter(
        network.config, split_batched(network), memory=MEMORY,
        rule=MaskRule(0.5), device=CPU, slots=4, capture=recorder,
    )  # fmt: skip
    batched.prepare(3)
    recorded = recorder.recorded
    frame, states = _frames(96, 1)[0], [batched.initial_state() for _ in range(4)]
    for count in (1, 2, 3, 4):
        batched.step_many(states[:count], [frame] * count)
    assert recorder.recorded == recorded > 0
    assert recorder.replayed > 0


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_is_of_the_dense_parts_alone(
    precision: str, network: SaliNetwork, released: Network
) -> None:
    for net in (network, released):
        exact, lower = _batched(net), _batched(net, precision=precision)
        one, other = exact.initial_state(), lower.initial_state()
        for frame in _frames(99, 2, net.config.input_size):
            a, b = exact.step(one, frame), lower.step(other, frame)
            assert a.logits.dtype == b.logits.dtype == np.float32
            assert 0 < np.abs(a.logits - b.logits).max() < 0.5
        assert all(x.dtype == torch.float32 for x in lower.pooled_memory())


# What makes a GPU's caller wait, or cannot be recorded: values read back, tensors of a size that
# depends on values, constants brought over one by one.
_WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "unique", "lift_fresh",
            "bincount", "repeat_interleave.Tensor")  # fmt: skip


class _Watch(TorchDispatchMode):
    """Keeps the names of operations that would make a GPU wait."""

    def __init__(self, found: list[str]) -> None:
        super().__init__()
        self._found = found

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func)
        if any(word in name for word in _WAITING):
            self._found.append(name)
        if name.startswith("aten.index"):
            indices = [x for x in args[1] or [] if x is not None]
            self._found += [name for x in indices if x.dtype == torch.bool]
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("topology", ["paper", "released"])
def test_nothing_that_is_recorded_makes_a_gpu_wait(
    topology: str, network: SaliNetwork, released: Network
) -> None:
    net = network if topology == "paper" else released
    found: list[str] = []
    with torch.inference_mode(), _Watch(found):  # it does see them
        ones = torch.ones(2)
        assert len(ones[ones > 0] + torch.tensor(1.0)) == 2
    assert found == ["aten.index.Tensor", "aten.lift_fresh.default"]
    found.clear()

    def refuse(self: torch.Tensor) -> None:
        raise AssertionError("a value was read back")

    def watch(function: Callable[[], None]) -> Callable[[], None]:
        def watched() -> None:
            with pytest.MonkeyPatch.context() as patch, _Watch(found):
                for name in ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__"):
                    patch.setattr(torch.Tensor, name, refuse)
                function()

        return watched

    batched = BatchSegmenter(
        net.config, split_batched(net), memory=MEMORY, rule=MaskRule(_threshold(net)),
        device=CPU, slots=4, capture=watch,
    )  # fmt: skip
    states = [batched.initial_state() for _ in range(3)]
    for frame in _frames(97, 4, net.config.input_size):
        batched.step_many(states, [frame] * 3)
    assert found == []


def test_buckets_double_up_to_the_workers_largest_batch() -> None:
    assert BUCKETS == (1, 2, 4, 8, 16, 32, 64)
