from __future__ import annotations

import itertools

import pytest

from server.worker.watchdog import Verdict, Watchdog, WatchdogLimits

MS = 1_000_000
LIMITS = WatchdogLimits(
    start_timeout_s=60.0, step_timeout_s=2.0, ping_interval_ms=100, ping_timeout_ms=250
)
TICK_MS = 50


def check_until(dog: Watchdog, start_ms: int, end_ms: int) -> list[tuple[int, Verdict]]:
    """Check every 50 ms; return what was not WAIT, with its time."""
    found = []
    for now_ms in range(start_ms, end_ms + 1, TICK_MS):
        verdict, _ = dog.check(now_ms * MS)
        if verdict is not Verdict.WAIT:
            found.append((now_ms, verdict))
    return found


def ready() -> Watchdog:
    dog = Watchdog(LIMITS, 0)
    dog.note_ready(0)
    return dog


def test_an_idle_worker_is_pinged_every_100_ms() -> None:
    dog = ready()
    pings = []
    for now_ms in range(0, 1001, TICK_MS):
        if dog.check(now_ms * MS)[0] is Verdict.PING:
            pings.append(now_ms)
            dog.note_pong((now_ms + 1) * MS)
    assert len(pings) >= 6
    assert all(later - earlier <= 150 for earlier, later in itertools.pairwise(pings))


@pytest.mark.hazard("H4", "F2")
def test_an_idle_worker_that_does_not_answer_is_killed_within_300_ms_of_the_ping() -> None:
    [(pinged_ms, ping), (killed_ms, kill), *_] = check_until(ready(), 0, 1000)
    assert (ping, kill) == (Verdict.PING, Verdict.KILL)
    assert 250 < killed_ms - pinged_ms <= 300


def test_a_busy_worker_has_two_seconds_for_progress() -> None:
    dog = ready()
    dog.note_step_sent(0)
    assert check_until(dog, 0, 2000) == []
    assert check_until(dog, 2050, 2050) == [(2050, Verdict.KILL)]


def test_progress_grants_a_busy_worker_another_term() -> None:
    dog = ready()
    dog.note_step_sent(0)
    dog.note_step_sent(0)
    assert check_until(dog, 0, 1900) == []
    dog.note_step_answered(1900 * MS)
    assert dog.is_busy
    assert check_until(dog, 1950, 3900) == []


def test_a_pong_is_no_progress_of_a_busy_worker() -> None:
    dog = ready()
    dog.note_step_sent(0)
    killed = []
    for now_ms in range(0, 2101, TICK_MS):
        dog.note_pong(now_ms * MS)
        if dog.check(now_ms * MS)[0] is Verdict.KILL:
            killed.append(now_ms)
    assert killed[0] == 2050


def test_pictures_that_replace_each_other_are_no_progress_of_a_busy_worker() -> None:
    dog = ready()
    dog.note_step_sent(0)
    dog.note_step_sent(0)
    killed = []
    for now_ms in range(0, 2101, TICK_MS):
        dog.note_step_sent(now_ms * MS)
        dog.note_step_withdrawn()
        if dog.check(now_ms * MS)[0] is Verdict.KILL:
            killed.append(now_ms)
    assert killed[0] == 2050


def test_a_worker_whose_pictures_were_all_withdrawn_is_idle_and_pinged() -> None:
    dog = ready()
    dog.note_step_sent(0)
    dog.note_step_withdrawn()
    assert not dog.is_busy
    assert check_until(dog, 0, 150) == [(100, Verdict.PING)]


def test_a_worker_that_was_pinged_and_then_got_work_is_judged_by_its_work() -> None:
    dog = ready()
    assert check_until(dog, 0, 100) == [(100, Verdict.PING)]
    dog.note_step_sent(110 * MS)
    assert check_until(dog, 150, 2100) == []
    dog.note_step_answered(2105 * MS)
    assert check_until(dog, 2150, 2150) == []


def test_a_starting_worker_is_not_pinged_and_has_its_own_limit() -> None:
    dog = Watchdog(LIMITS, 0)
    assert check_until(dog, 0, 60_000) == []
    verdict, reason = dog.check(60_050 * MS)
    assert verdict is Verdict.KILL
    assert reason == "not ready after 60 s"


def test_time_in_which_the_caller_was_held_up_does_not_count() -> None:
    dog = ready()
    assert check_until(dog, 0, 100) == [(100, Verdict.PING)]
    assert dog.check(5000 * MS)[0] is Verdict.WAIT
    dog.note_pong(5001 * MS)
    assert check_until(dog, 5050, 5050) == []
