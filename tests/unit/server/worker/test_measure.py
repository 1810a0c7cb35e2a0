from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from server.errors import WorkerStartError
from server.worker.measure import measure_capacity
from server.worker.protocol import Configure
from server.worker.runner import Runner
from tests.fakes.capacities import DEMAND, made_up_capacity
from tests.fakes.fake_engine import FakeInfo, FakeOutput

MS = 1_000_000


@dataclass
class TimedModel:
    """A model whose steps move the clock by `fixed_ms + each_ms * batch`."""

    fixed_ms: float
    each_ms: float
    has_memory: bool = True
    fails: bool = False
    prepare_ms: float = 0.0
    now_ns: int = 0
    prepared: list[int] = field(default_factory=list)
    most: int = 64
    batches: list[int] = field(default_factory=list)
    memories: list[int] = field(default_factory=list)
    filled: list[bool] = field(default_factory=list)
    info: FakeInfo = field(default_factory=FakeInfo)

    def initial_state(self) -> Any:
        return [] if self.has_memory else None

    def prepare(self, streams: int) -> None:
        if streams > self.most:
            raise RuntimeError("out of memory")
        self.prepared.append(streams)
        self.now_ns += int(self.prepare_ms * MS)

    def step_many(self, states: Sequence[Any], frames: Sequence[np.ndarray]) -> list[FakeOutput]:
        if self.fails or len(states) > self.most:
            raise RuntimeError("out of memory")
        self.batches.append(len(states))
        self.memories.append(len({id(state) for state in states}))
        self.filled.append(all(states))
        for state in states:
            if state:
                state.pop()
        self.now_ns += int((self.fixed_ms + self.each_ms * len(states)) * MS)
        mask = np.zeros((8, 8), dtype=np.bool_)
        return [FakeOutput(mask, mask.astype(np.float32)) for _ in states]


@dataclass
class FullModel(TimedModel):
    """A model that can fill a memory, as often as there is room; each step takes of it."""

    room: int = 1000

    def full_state(self) -> Any:
        if self.room == 0:
            raise RuntimeError("no room")
        self.room -= 1
        return ["full"]


def configuration(max_batch: int = 64, measure_s: float = 2.0) -> Configure:
    return Configure(
        model="sali",
        weights="w",
        device="cpu",
        threads=1,
        max_batch=max_batch,
        deadline_ms=250,
        demand=DEMAND,
        measure_s=measure_s,
    )


def measure(model: TimedModel, wanted: Configure | None = None) -> Any:
    return measure_capacity(Runner(model), wanted or configuration(), lambda: model.now_ns)


def test_a_device_that_gains_by_batches_is_measured_up_to_the_largest() -> None:
    model = FullModel(6.0, 0.25)
    capacity = measure(model)
    assert [time.batch for time in capacity.steps] == [1, 2, 4, 8, 16, 32, 64]
    assert [time.step_ms for time in capacity.steps] == [6.25, 6.5, 7.0, 8.0, 10.0, 14.0, 22.0]
    assert (capacity.batch, capacity.sessions) == (64, 80)


def test_a_device_that_gains_nothing_is_measured_no_further_than_two() -> None:
    capacity = measure(FullModel(0.0, 12.0))
    assert [time.batch for time in capacity.steps] == [1, 2]
    assert (capacity.batch, capacity.sessions) == (1, 2)


def test_no_batch_is_larger_than_allowed() -> None:
    model = FullModel(6.0, 0.25)
    measure(model, configuration(max_batch=6))
    assert max(model.batches) == 4


@pytest.mark.parametrize("step_ms", [1.0, 30.0, 400.0, 5000.0])
def test_measuring_takes_little_longer_than_it_may(step_ms: float) -> None:
    model = FullModel(step_ms, 0.0)
    measure(model)
    assert model.now_ns <= 2000 * MS + 2 * step_ms * MS


def test_each_picture_of_a_batch_has_its_own_memory() -> None:
    model = FullModel(6.0, 0.25)
    measure(model, configuration(max_batch=8))
    assert model.memories == model.batches
    assert max(model.memories) == 8


def test_the_memories_are_full_again_for_each_batch_size() -> None:
    model = FullModel(6.0, 0.25)
    measure(model, configuration(max_batch=8))
    first = [model.batches.index(batch) for batch in (1, 2, 4, 8)]
    assert [model.filled[index] for index in first] == [True] * 4


@pytest.mark.parametrize(
    ("model", "is_full"),
    [
        (FullModel(1.0, 1.0), True),
        (TimedModel(1.0, 1.0, has_memory=False), True),
        (TimedModel(1.0, 1.0), False),
    ],
)
def test_whether_the_memory_was_full_is_told(model: TimedModel, is_full: bool) -> None:
    assert measure(model).is_memory_full is is_full


def test_what_an_earlier_worker_found_is_not_measured_again() -> None:
    model = FullModel(6.0, 0.25)
    known = made_up_capacity()
    assert measure(model, configuration().model_copy(update={"known_capacity": known})) == known
    assert model.batches == []
    assert model.prepared == [known.batch]


def test_what_is_known_but_cannot_be_prepared_any_more_cannot_start() -> None:
    wanted = configuration().model_copy(update={"known_capacity": made_up_capacity()})
    with pytest.raises(WorkerStartError, match="preparing batches of 4 failed: RuntimeError"):
        measure(FullModel(6.0, 0.25, most=0), wanted)


def test_every_batch_is_prepared_before_it_is_tried_outside_the_time() -> None:
    model = FullModel(6.0, 0.25, prepare_ms=1500.0)
    assert measure(model).batch == 64
    assert model.prepared == [1, 2, 4, 8, 16, 32, 64]


def test_where_preparing_takes_long_no_larger_batch_is_tried() -> None:
    model = FullModel(6.0, 0.25, prepare_ms=25_000.0)
    assert measure(model).batch == 4
    assert model.prepared == [1, 2, 4]


def test_a_model_that_fails_cannot_start() -> None:
    with pytest.raises(WorkerStartError, match="measuring failed: RuntimeError: out of memory"):
        measure(FullModel(1.0, 1.0, fails=True))


def test_a_batch_that_the_device_fails_at_ends_the_trying(
    capsys: pytest.CaptureFixture[str],
) -> None:
    capacity = measure(FullModel(6.0, 0.25, most=2))
    assert [time.batch for time in capacity.steps] == [1, 2]
    assert capacity.batch == 2
    assert "batches of 4 pictures fail (RuntimeError: out of memory)" in capsys.readouterr().err


def test_memories_for_which_there_is_no_room_end_the_trying() -> None:
    capacity = measure(FullModel(6.0, 0.25, room=5))
    assert [time.batch for time in capacity.steps] == [1, 2]


def test_a_model_that_cannot_fill_one_memory_cannot_start() -> None:
    with pytest.raises(WorkerStartError, match="measuring failed: RuntimeError: no room"):
        measure(FullModel(1.0, 1.0, room=0))
