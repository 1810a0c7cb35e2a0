from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from server.worker.scheduler import Batch, Scheduler, StepRequest

MS = 1_000_000


def request(
    session: str, sequence: int, *, epoch: int = 0, expires_at_ns: int = 250 * MS, height: int = 1
) -> StepRequest:
    return StepRequest(
        session=session,
        epoch=epoch,
        sequence=sequence,
        height=height,
        width=1,
        rgb=bytes(3 * height),
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
