from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sali_core.bench.frames import BenchFrames
from sali_core.bench.stream_run import frames_held, run_streams, summarise, summarise_full
from sali_core.bench.timing import Deadline
from sali_core.config import MemoryConfig, ModelConfig
from sali_core.model.network import SaliNetwork
from sali_core.stream.segmenter import StreamSegmenter

MEMORY = MemoryConfig(capacity_frames=3, write_every_frames=2)


def test_frames_held_is_what_the_bank_of_a_stream_holds(
    network: SaliNetwork, small_config: ModelConfig
) -> None:
    segmenter = StreamSegmenter(network, memory=MEMORY, threshold=0.5)
    state = segmenter.initial_state()
    frames = BenchFrames(small_config.input_size, count=2)
    for number in range(8):
        assert len(state.bank) == frames_held(number, MEMORY)
        segmenter.step(state, frames.frame(0, number))


def test_times_are_told_of_the_full_bank_alone() -> None:
    times = summarise([90.0] * 5 + [10.0] * 95, MEMORY, batch=2)
    assert times.bank_frames == 3
    assert (times.step.count, times.step.p99_ms) == (95, 10.0)
    assert times.by_bank == ((2, 90.0), (3, 10.0))
    assert times.age is None


def test_a_bank_that_never_was_full_is_told_as_it_was() -> None:
    times = summarise([50.0] * 6 + [20.0] * 3, MemoryConfig(35, 1), batch=1)
    assert times.bank_frames == 8
    assert (times.step.count, times.step.p50_ms) == (3, 20.0)


def test_streams_that_start_full_are_told_so_without_their_warm_up() -> None:
    times = summarise_full([90.0] * 3 + [10.0] * 4, MEMORY, batch=8)
    assert (times.batch, times.bank_frames, times.steps) == (8, 3, 7)
    assert (times.step.count, times.step.p99_ms) == (4, 10.0)
    assert times.by_bank == ((3, 10.0),)


def test_a_step_that_slows_down_with_age_shows() -> None:
    times = summarise([10.0] * 300 + [15.0] * 100, MEMORY, batch=1)
    assert times.age is not None
    assert (times.age.early_frame, times.age.early_ms) == (200, 10.0)
    assert (times.age.late_frame, times.age.late_ms) == (375, 15.0)


class _Clocked:
    """A model whose every step makes a clock go on by 10 s."""

    info = SimpleNamespace(device="cpu")

    def __init__(self) -> None:
        self.now = 0.0
        self.seen: list[int] = []
        self.filled = 0

    def initial_state(self) -> object:
        return object()

    def full_state(self) -> object:
        self.filled += 1
        return object()

    def step_many(self, states: list[object], frames: list[np.ndarray]) -> list[str]:
        assert len(states) == len(set(map(id, states))) == len(frames)
        self.seen.append(len(frames))
        self.now += 10.0
        return ["first"] + ["other"] * (len(frames) - 1)


@pytest.mark.parametrize(("seconds", "steps"), [(1.0, 6), (95.0, 10), (1e9, 12)])
def test_a_run_ends_in_time_but_not_before_it_can_tell_something(
    seconds: float, steps: int
) -> None:
    model = _Clocked()
    deadline = Deadline(seconds, lambda: model.now)
    times, kept = run_streams(
        model, BenchFrames(64, count=2), MEMORY, batch=3, steps=12, deadline=deadline
    )
    assert times.steps == steps
    assert model.seen == [3] * steps
    assert kept == ["first"] * steps
    assert model.filled == 0


def test_streams_start_with_full_banks_where_asked() -> None:
    model = _Clocked()
    times, _ = run_streams(
        model, BenchFrames(64, count=2), MEMORY, batch=2, steps=6, deadline=Deadline(1.0), full=True
    )
    assert model.filled == 2
    assert (times.bank_frames, times.steps) == (3, 6)
