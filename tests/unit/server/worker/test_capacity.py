from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.worker.capacity import MAX_SESSIONS, capacity_of
from server.worker.protocol import Capacity, Demand, StepTime
from tests.fakes.capacities import DEMAND
from tests.fakes.scheduler_simulation import MS, Room, Simulation

BATCHES = (1, 2, 4, 8, 16, 32, 64)


def affine(fixed_ms: float, each_ms: float, largest: int = 64) -> list[StepTime]:
    """Step times of a device with a fixed cost a step and a cost for each picture."""
    return [
        StepTime(batch=b, step_ms=ms, step_p99_ms=ms, finish_ms=0.0)
        for b in BATCHES
        if b <= largest
        for ms in [fixed_ms + each_ms * b]
    ]


def capacity(steps: Sequence[StepTime], demand: Demand = DEMAND) -> Capacity:
    return capacity_of(steps, demand, is_memory_full=True)


@pytest.mark.parametrize(
    ("step_ms", "sessions"), [(33.0, 0), (32.0, 1), (16.1, 1), (16.0, 2), (3.2, 10)]
)
def test_without_batching_the_steps_of_a_period_and_the_headroom_fill_it(
    step_ms: float, sessions: int
) -> None:
    found = capacity(affine(0.0, step_ms, largest=2))
    assert (found.sessions, found.batch) == (sessions, 1)


def test_batches_are_used_as_far_as_they_are_worth_it() -> None:
    assert capacity(affine(6.0, 0.25)).batch == 64
    assert capacity(affine(0.1, 1.0)).batch == 2
    # Two steps in a row must end in time: 64 pictures take too long.
    assert capacity(affine(6.0, 1.0)).batch == 32


def test_a_machine_too_slow_for_one_session_tells_what_one_gets() -> None:
    found = capacity(affine(0.0, 80.0, largest=1))
    assert (found.sessions, found.batch, found.fps_alone) == (0, 1, 12.5)
    assert found.explanation.startswith("not even 1 x 25 pictures a second")
    assert found.explanation.endswith("a step of 1 picture takes 80.0 ms (p99 80.0 ms)")


def test_the_explanation_tells_what_was_measured() -> None:
    assert capacity(affine(0.0, 10.0, largest=1)).explanation == (
        "3 x 25 pictures a second: a step of 1 picture takes 10.0 ms (p99 10.0 ms), "
        "20% of the time stays free, 99 of 100 masks within 100 ms"
    )


def test_slow_steps_among_fast_ones_count_against_the_deadline() -> None:
    steady = StepTime(batch=1, step_ms=10.0, step_p99_ms=10.0, finish_ms=0.0)
    assert capacity([steady]).sessions == 3
    assert capacity([steady.model_copy(update={"step_p99_ms": 70.0})]).sessions == 2
    assert capacity([steady.model_copy(update={"step_p99_ms": 90.0})]).sessions == 0


def test_finding_outlines_counts_where_it_takes_longer_than_the_network() -> None:
    fast = StepTime(batch=1, step_ms=4.0, step_p99_ms=4.0, finish_ms=1.0)
    assert capacity([fast]).sessions == 8
    assert capacity([fast.model_copy(update={"finish_ms": 8.0})]).sessions == 4


def test_counting_ends_somewhere() -> None:
    assert capacity(affine(0.0001, 0.0)).sessions == MAX_SESSIONS


@settings(max_examples=25, deadline=None)
@given(
    fixed_ms=st.floats(0.5, 25),
    each_ms=st.floats(0.3, 8),
    fps=st.sampled_from([15.0, 25.0, 30.0]),
    seed=st.integers(0, 1000),
)
def test_as_many_sessions_as_reckoned_are_served_well(
    fixed_ms: float, each_ms: float, fps: float, seed: int
) -> None:
    found = capacity(affine(fixed_ms, each_ms), DEMAND.model_copy(update={"fps": fps}))
    if found.sessions == 0:
        assert fixed_ms + each_ms > 0.8e3 / fps
        return
    chance = random.Random(seed)  # noqa: S311 - a simulation
    period_ns = int(1e9 / fps)
    rooms = [
        Room(fps, chance.randrange(period_ns), jitter_ns=3 * MS) for _ in range(found.sessions)
    ]
    report = Simulation(
        rooms, lambda b: int((fixed_ms + each_ms * b) * MS), max_batch=found.batch, seed=seed
    ).run(3)
    assert report.percentile_ns(0.99) <= DEMAND.within_ms * MS
    assert report.masked_share >= 0.99
    assert all(len(room.latencies_ns) >= 0.97 * room.frames for room in report.rooms)
    assert report.late == 0
