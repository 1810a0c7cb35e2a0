"""The scheduler under 1 to 128 rooms, on a virtual clock: fair, busy, in time."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.worker.scheduler import HOLD_NS
from tests.fakes.scheduler_simulation import MS, SECOND, Report, Room, Simulation, StepModel

rooms_of_any_kind = st.lists(
    st.builds(
        Room,
        fps=st.sampled_from([10.0, 25.0, 29.97, 50.0, 60.0]),
        phase_ns=st.integers(0, 100 * MS),
        jitter_ns=st.integers(0, 15 * MS),
    ),
    min_size=1,
    max_size=24,
)
step_models = st.tuples(st.floats(0.5, 60), st.floats(0.05, 20))


def affine(fixed_ms: float, each_ms: float) -> StepModel:
    return lambda batch: int((fixed_ms + each_ms * batch) * MS)


def even_rooms(number: int, fps: float = 25.0) -> list[Room]:
    """Rooms whose cameras started at any time."""
    chance = random.Random(number)  # noqa: S311 - a simulation
    return [Room(fps, chance.randrange(int(SECOND / fps)), 2 * MS) for _ in range(number)]


def run(rooms: list[Room], step: StepModel, max_batch: int, seconds: float = 2.0) -> Report:
    return Simulation(rooms, step, max_batch=max_batch).run(seconds)


@settings(max_examples=60, deadline=None)
@given(rooms=rooms_of_any_kind, model=step_models, max_batch=st.sampled_from([1, 2, 8, 64]))
def test_every_frame_is_masked_or_counted_and_no_mask_is_late(
    rooms: list[Room], model: tuple[float, float], max_batch: int
) -> None:
    step = affine(*model)
    report = run(rooms, step, max_batch)
    for room in report.rooms:
        assert room.frames == len(room.latencies_ns) + room.drops.total()
    # The very first batch is tried whatever it takes: nobody knows better.
    is_hopeless = step(min(max_batch, len(rooms))) > 200 * MS
    assert report.late <= (report.batches[0] if is_hopeless else 0)


@settings(max_examples=60, deadline=None)
@given(rooms=rooms_of_any_kind, model=step_models, max_batch=st.sampled_from([1, 2, 8, 64]))
def test_a_free_device_never_waits_longer_than_two_milliseconds(
    rooms: list[Room], model: tuple[float, float], max_batch: int
) -> None:
    report = run(rooms, affine(*model), max_batch)
    assert max(report.holds_ns, default=0) <= HOLD_NS
    if max_batch == 1 or len(rooms) == 1:
        assert max(report.holds_ns, default=0) == 0


@settings(max_examples=40, deadline=None)
@given(
    rooms=rooms_of_any_kind,
    each_ms=st.floats(1, 30),
    fixed_ms=st.floats(0, 30),
    max_batch=st.sampled_from([1, 2, 4, 8]),
)
def test_no_picture_waits_longer_than_one_round_of_all_sessions(
    rooms: list[Room], each_ms: float, fixed_ms: float, max_batch: int
) -> None:
    step = affine(fixed_ms, each_ms)
    report = run(rooms, step, max_batch)
    rounds = math.ceil(len(rooms) / max_batch) + 1
    assert max(report.waits_ns) <= rounds * step(max_batch) + HOLD_NS


@pytest.mark.parametrize("number", [1, 2, 5, 16, 64, 128])
@pytest.mark.parametrize("overload", [0.5, 1.5, 4.0])
def test_all_rooms_get_the_same_share(number: int, overload: float) -> None:
    each_ms = 40.0 * overload / number
    report = run(even_rooms(number), affine(0.0, each_ms), max_batch=8, seconds=4)
    shares = [len(room.latencies_ns) / room.frames for room in report.rooms]
    assert max(shares) - min(shares) <= 0.03
    if overload < 1:
        assert min(shares) == 1.0
    else:
        # What the device can compute, it does compute.
        assert report.busy_ns >= 0.97 * 4 * SECOND
        assert sum(shares) / number >= 0.95 / overload


@pytest.mark.parametrize("number", [1, 8, 32, 64, 128])
def test_a_device_with_room_masks_every_frame_soon(number: int) -> None:
    # 60 % of the device: 8 ms a step and as much for the pictures as remains.
    each_ms = 0.6 * 40 / number - 8 / 64
    step = affine(8.0 if each_ms > 0 else 0.0, max(each_ms, 0.1))
    report = run(even_rooms(number), step, max_batch=64, seconds=3)
    assert report.masked_share == 1.0
    assert report.percentile_ns(0.99) <= 80 * MS
    assert report.late == 0


def test_one_fast_camera_does_not_push_slow_ones_aside() -> None:
    rooms = [Room(60.0), Room(10.0, 7 * MS), Room(10.0, 13 * MS)]
    report = run(rooms, affine(20.0, 0.0), max_batch=1, seconds=4)
    fast, *others = report.rooms
    assert all(len(room.latencies_ns) == room.frames for room in others)
    assert len(fast.latencies_ns) >= 0.45 * fast.frames


def test_a_device_that_is_too_slow_for_any_deadline_is_tried_again_once_a_second() -> None:
    report = run([Room(25.0)], affine(300.0, 0.0), max_batch=1, seconds=5)
    assert 4 <= len(report.batches) <= 6
    assert report.rooms[0].drops["no_time"] > 80


def test_pictures_that_come_together_are_computed_together() -> None:
    rooms = [Room(25.0, phase_ns=index * MS // 4) for index in range(8)]
    report = run(rooms, affine(5.0, 0.5), max_batch=8)
    assert sum(report.batches) / len(report.batches) >= 7
    assert report.percentile_ns(0.99) <= 16 * MS
