from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.worker.scheduler import JITTER_NS, Batch, Scheduler, StepRequest
from server.worker.step_times import StepTimes

MS = 1_000_000


def request(
    session: str,
    sequence: int,
    *,
    epoch: int = 0,
    arrived_at_ns: int = 0,
    expires_at_ns: int = 250 * MS,
    height: int = 1,
) -> StepRequest:
    return StepRequest(
        session=session,
        epoch=epoch,
        sequence=sequence,
        height=height,
        width=1,
        rgb=bytes(3 * height),
        arrived_at_ns=arrived_at_ns,
        expires_at_ns=expires_at_ns,
    )


def opened(*sessions: str, max_batch: int = 8) -> Scheduler:
    scheduler = Scheduler(max_batch)
    for session in sessions:
        scheduler.open(session, 0)
    return scheduler


def taken(batch: Batch) -> list[tuple[str, int]]:
    return [(entry.session, entry.sequence) for entry in batch.requests]


def test_ready_sessions_share_a_batch() -> None:
    scheduler = opened("a", "b", "c")
    scheduler.submit(request("a", 1))
    scheduler.submit(request("c", 5))
    assert taken(scheduler.next_batch(0)) == [("a", 1), ("c", 5)]
    assert scheduler.next_batch(0).requests == ()


def test_a_newer_picture_replaces_the_waiting_one() -> None:
    scheduler = opened("a")
    assert scheduler.submit(request("a", 1)) == []
    [dropped] = scheduler.submit(request("a", 2))
    assert (dropped.request.sequence, dropped.cause) == (1, "replaced")
    assert taken(scheduler.next_batch(0)) == [("a", 2)]


def test_a_picture_is_computed_at_its_deadline_and_dropped_after_it() -> None:
    scheduler = opened("a")
    scheduler.submit(request("a", 1, expires_at_ns=250 * MS))
    assert taken(scheduler.next_batch(250 * MS)) == [("a", 1)]
    scheduler.submit(request("a", 2, expires_at_ns=250 * MS))
    batch = scheduler.next_batch(250 * MS + 1)
    assert batch.requests == ()
    assert [(entry.request.sequence, entry.cause) for entry in batch.dropped] == [(2, "deadline")]
    assert scheduler.waiting == 0


def test_an_expired_picture_does_not_cost_its_session_its_turn() -> None:
    scheduler = opened("a", "b", max_batch=1)
    scheduler.submit(request("a", 1, expires_at_ns=0))
    scheduler.submit(request("b", 1))
    assert taken(scheduler.next_batch(1)) == [("b", 1)]
    scheduler.submit(request("b", 2))
    scheduler.submit(request("a", 2))
    assert taken(scheduler.next_batch(1)) == [("a", 2)]


@given(st.integers(1, 4), st.integers(1, 9))
def test_no_session_is_served_twice_before_another_that_waits(max_batch: int, number: int) -> None:
    sessions = [f"s{index}" for index in range(number)]
    scheduler = opened(*sessions, max_batch=max_batch)
    served: Counter[str] = Counter()
    for turn in range(30):
        for session in sessions:
            scheduler.submit(request(session, turn))
        batch = scheduler.next_batch(0)
        assert len(batch.requests) == min(max_batch, number)
        served.update(entry.session for entry in batch.requests)
    assert max(served.values()) - min(served[session] for session in sessions) <= 1


def test_pictures_of_another_size_wait_for_the_next_batch() -> None:
    scheduler = opened("a", "b", "c")
    scheduler.submit(request("a", 1))
    scheduler.submit(request("b", 1, height=2))
    scheduler.submit(request("c", 1))
    assert taken(scheduler.next_batch(0)) == [("a", 1), ("c", 1)]
    assert taken(scheduler.next_batch(0)) == [("b", 1)]


def test_a_new_epoch_gives_up_what_waits_and_refuses_what_comes_late() -> None:
    scheduler = opened("a")
    scheduler.submit(request("a", 1))
    [dropped] = scheduler.open("a", 1)
    assert (dropped.request.sequence, dropped.cause) == (1, "reset")
    [refused] = scheduler.submit(request("a", 2, epoch=0))
    assert (refused.request.sequence, refused.cause) == (2, "reset")
    assert scheduler.submit(request("a", 3, epoch=1)) == []
    assert taken(scheduler.next_batch(0)) == [("a", 3)]


def test_a_session_that_is_not_open_has_no_pictures() -> None:
    scheduler = opened("a")
    scheduler.submit(request("a", 1))
    assert len(scheduler.close("a")) == 1
    assert scheduler.close("a") == []
    assert len(scheduler.submit(request("a", 2))) == 1
    assert scheduler.next_batch(0).requests == ()


def in_rhythm(*sessions: str, max_batch: int = 8) -> Scheduler:
    """Sessions that sent a picture every 40 ms, at 0 and at 40 ms, and were served."""
    scheduler = opened(*sessions, max_batch=max_batch)
    for now_ns in (0, 40 * MS):
        for session in sessions:
            scheduler.submit(request(session, now_ns, arrived_at_ns=now_ns))
        assert len(scheduler.next_batch(now_ns).requests) == min(max_batch, len(sessions))
        while scheduler.next_batch(now_ns).requests:
            continue
    return scheduler


def test_a_picture_waits_two_milliseconds_at_most_for_one_that_is_due() -> None:
    scheduler = in_rhythm("a", "b")
    scheduler.submit(request("a", 2, arrived_at_ns=79 * MS))
    held = scheduler.next_batch(79 * MS)
    assert (held.requests, held.hold_until_ns) == ((), 81 * MS)
    batch = scheduler.next_batch(81 * MS)
    assert taken(batch) == [("a", 2)]


def test_the_batch_goes_as_soon_as_the_last_one_due_has_come() -> None:
    scheduler = in_rhythm("a", "b")
    scheduler.submit(request("a", 2, arrived_at_ns=79 * MS))
    assert scheduler.next_batch(79 * MS).requests == ()
    scheduler.submit(request("b", 2, arrived_at_ns=80 * MS))
    assert taken(scheduler.next_batch(80 * MS)) == [("a", 2), ("b", 2)]


@pytest.mark.parametrize("now_ms", [70, 77, 83, 100])
def test_nobody_waits_for_what_is_not_due_or_long_overdue(now_ms: int) -> None:
    scheduler = in_rhythm("a", "b")
    scheduler.submit(request("a", 2, arrived_at_ns=now_ms * MS))
    assert taken(scheduler.next_batch(now_ms * MS)) == [("a", 2)]


def test_a_session_that_is_alone_never_waits() -> None:
    scheduler = in_rhythm("a")
    scheduler.submit(request("a", 2, arrived_at_ns=79 * MS))
    assert taken(scheduler.next_batch(79 * MS)) == [("a", 2)]


def test_without_batches_nobody_waits() -> None:
    scheduler = in_rhythm("a", "b", max_batch=1)
    scheduler.submit(request("a", 2, arrived_at_ns=79 * MS))
    assert taken(scheduler.next_batch(79 * MS)) == [("a", 2)]


def test_a_picture_that_waited_during_a_step_waits_no_longer() -> None:
    scheduler = in_rhythm("a", "b")
    scheduler.submit(request("a", 2, arrived_at_ns=70 * MS))
    assert taken(scheduler.next_batch(79 * MS)) == [("a", 2)]


def test_a_pause_ends_a_rhythm() -> None:
    scheduler = in_rhythm("a", "b")
    late_ns = 40 * MS + 2000 * MS
    scheduler.submit(request("b", 2, arrived_at_ns=late_ns, expires_at_ns=late_ns + 250 * MS))
    scheduler.next_batch(late_ns)
    again_ns = late_ns + 2000 * MS
    scheduler.submit(request("a", 2, arrived_at_ns=again_ns, expires_at_ns=again_ns + 250 * MS))
    assert taken(scheduler.next_batch(again_ns)) == [("a", 2)]


def slow(*sessions: str, **step_ms: int) -> Scheduler:
    """A scheduler of a device with known step times, which computed something at time 0."""
    times = StepTimes()
    for name, duration_ms in step_ms.items():
        times.observe(int(name.removeprefix("batch_")), duration_ms * MS)
    scheduler = Scheduler(8, times)
    for session in (*sessions, "earlier"):
        scheduler.open(session, 0)
    scheduler.submit(request("earlier", 0))
    scheduler.next_batch(0)
    scheduler.close("earlier")
    return scheduler


def test_a_picture_that_cannot_be_ready_in_time_is_dropped_and_one_that_can_is_not() -> None:
    scheduler = slow("a", "b", batch_1=100)
    scheduler.submit(request("a", 1, expires_at_ns=109 * MS))
    scheduler.submit(request("b", 1, expires_at_ns=110 * MS))
    batch = scheduler.next_batch(10 * MS)
    assert [(d.request.session, d.cause) for d in batch.dropped] == [("a", "no_time")]
    assert taken(batch) == [("b", 1)]


def test_a_picture_that_seems_hopeless_is_tried_once_a_second() -> None:
    scheduler = slow("a", batch_1=300)
    computed = []
    for now_ms in range(40, 3000, 40):
        scheduler.submit(request("a", now_ms, expires_at_ns=(now_ms + 250) * MS))
        computed += [entry.sequence for entry in scheduler.next_batch(now_ms * MS).requests]
    assert computed == [1000, 2000]


def test_a_batch_grows_only_as_long_as_all_in_it_are_ready_in_time() -> None:
    scheduler = slow("a", "b", "c", batch_1=40, batch_2=60, batch_3=80)
    for session, expires_ms in (("a", 70), ("b", 250), ("c", 250)):
        scheduler.submit(request(session, 1, expires_at_ns=expires_ms * MS))
    assert taken(scheduler.next_batch(5 * MS)) == [("a", 1), ("b", 1)]
    assert taken(scheduler.next_batch(65 * MS)) == [("c", 1)]


def test_nobody_waits_for_company_at_the_cost_of_being_late() -> None:
    scheduler = in_rhythm("a", "b")
    scheduler.submit(request("a", 2, arrived_at_ns=79 * MS, expires_at_ns=80 * MS))
    assert taken(scheduler.next_batch(79 * MS)) == [("a", 2)]


def patient(session: str, sequence: int) -> StepRequest:
    return replace(request(session, sequence, expires_at_ns=0), is_patient=True)


def test_a_patient_picture_has_no_deadline() -> None:
    scheduler = opened("review")
    scheduler.submit(patient("review", 1))
    assert taken(scheduler.next_batch(10_000 * MS)) == [("review", 1)]


def test_a_patient_picture_is_computed_after_all_others_and_alone() -> None:
    scheduler = opened("review", "a", "b")
    scheduler.submit(patient("review", 1))
    scheduler.submit(request("a", 1))
    scheduler.submit(request("b", 1))
    assert taken(scheduler.next_batch(0)) == [("a", 1), ("b", 1)]
    assert taken(scheduler.next_batch(0)) == [("review", 1)]


def test_patient_pictures_take_turns() -> None:
    scheduler = opened("r1", "r2")
    for number in (1, 2):
        scheduler.submit(patient("r1", number))
        scheduler.submit(patient("r2", number))
        batches = [taken(scheduler.next_batch(0)) for _ in range(2)]
        assert batches == [[("r1", number)], [("r2", number)]]


def with_rhythm(*, step_ms: int) -> Scheduler:
    """A session `a` whose pictures came at 0 and 40 ms and were computed; a patient one waits."""
    times = StepTimes()
    times.observe(1, step_ms * MS)
    scheduler = Scheduler(8, times)
    for session in ("a", "review"):
        scheduler.open(session, 0)
    for number, now_ns in ((1, 0), (2, 40 * MS)):
        scheduler.submit(
            request("a", number, arrived_at_ns=now_ns, expires_at_ns=now_ns + 250 * MS)
        )
        assert taken(scheduler.next_batch(now_ns)) == [("a", number)]
    scheduler.submit(patient("review", 1))
    return scheduler


def test_a_patient_picture_is_not_begun_when_it_would_be_in_the_way_of_the_next_live_one() -> None:
    scheduler = with_rhythm(step_ms=30)
    batch = scheduler.next_batch(51 * MS)
    assert batch.requests == ()
    # The next is due at 80 ms, and may be late.
    assert batch.hold_until_ns == 80 * MS + JITTER_NS
    assert taken(scheduler.next_batch(80 * MS + JITTER_NS)) == [("review", 1)]


def test_a_patient_picture_fills_the_time_between_two_live_ones() -> None:
    assert taken(with_rhythm(step_ms=10).next_batch(51 * MS)) == [("review", 1)]
