from __future__ import annotations

import pytest

from server.findings.persistence import Evidence, LookTimes, PersistenceRule, Trust
from server.settings.findings import FindingSettings

FOUR_OF_SIX = PersistenceRule(window_ms=240, share=0.66)


def confirmed_at(found: str, fps: float = 25.0, rule: PersistenceRule = FOUR_OF_SIX) -> int | None:
    """Return the number, from 1, of the look that confirms; `x` found, `.` not.

    A second of looks without anything goes before.
    """
    times, evidence = LookTimes(), Evidence()
    begin = round(fps)
    for before in range(begin):
        times.next(round(before * 90_000 / fps), rule)
    for number, mark in enumerate(found):
        look = times.next(round((begin + number) * 90_000 / fps), rule)
        if mark == "x" and evidence.add(look):
            return number + 1
    return None


@pytest.mark.parametrize(
    ("found", "at"),
    [
        ("xxxx", 4),
        ("xxx", None),
        ("x.xx.x", 6),
        ("xx..xx", 6),
        ("x..xx.x", None),
        ("x.x.x.x.x.x.x", None),
        ("xx.xx.xx", 5),
        ("x.................xxxx", 22),
    ],
)
@pytest.mark.hazard("H11")
def test_at_25_fps_two_thirds_of_240_ms_are_4_of_6_frames(found: str, at: int | None) -> None:
    assert confirmed_at(found) == at


@pytest.mark.parametrize(("fps", "at"), [(60.0, 10), (50.0, 8), (30.0, 5), (10.0, 2), (5.0, 2)])
def test_it_is_time_that_counts_not_frames(fps: float, at: int) -> None:
    assert confirmed_at("x" * 20, fps) == at


def test_slow_looks_far_apart_do_not_add_up() -> None:
    assert confirmed_at("x..........x.....x", fps=5.0) is None


def test_one_look_confirms_nothing_however_long_ago_the_one_before_was() -> None:
    times, evidence = LookTimes(), Evidence()
    times.next(0, FOUR_OF_SIX)
    assert not evidence.add(times.next(80_000, FOUR_OF_SIX))


def test_the_first_look_of_a_stream_stands_for_no_time() -> None:
    times, evidence = LookTimes(), Evidence()
    confirmed = [evidence.add(times.next(pts, FOUR_OF_SIX)) for pts in range(0, 5 * 3600, 3600)]
    assert confirmed == [False, False, False, False, True]


@pytest.mark.hazard("H11")
def test_what_is_confirmed_stays_so_and_is_told_once() -> None:
    times, evidence = LookTimes(), Evidence()
    told = [evidence.add(times.next(3600 * k, FOUR_OF_SIX)) for k in range(12)]
    assert told.count(True) == 1
    assert evidence.is_confirmed
    assert not evidence.add(times.next(900_000, FOUR_OF_SIX))
    assert evidence.is_confirmed


TWELVE_OF_FIFTEEN = PersistenceRule(window_ms=600, share=0.8)


def trusted_at(
    trusts: list[Trust], fps: float = 25.0, rule: PersistenceRule = TWELVE_OF_FIFTEEN
) -> int | None:
    """Return the number, from 1, of the look that confirms; a second without goes before."""
    times, evidence = LookTimes(), Evidence()
    begin = round(fps)
    for before in range(begin):
        times.next(round(before * 90_000 / fps), rule)
    for number, trust in enumerate(trusts):
        if evidence.add(times.next(round((begin + number) * 90_000 / fps), rule), trust):
            return number + 1
    return None


@pytest.mark.hazard("H11")
def test_what_is_doubtful_takes_four_times_as_long() -> None:
    assert trusted_at([Trust.DOUBTFUL] * 60) == 48


@pytest.mark.hazard("H11")
def test_doubtful_looks_do_not_count_once_the_doubt_has_gone() -> None:
    assert trusted_at([Trust.DOUBTFUL] * 3 + [Trust.ORDINARY] * 20) == 15


@pytest.mark.parametrize(
    ("trusts", "at"),
    [
        ([Trust.SURE] * 4, 3),
        ([Trust.SURE] * 2 + [Trust.ORDINARY] * 9, 6),
        ([Trust.ORDINARY] * 7 + [Trust.SURE] + [Trust.ORDINARY] * 9, 9),
        ([Trust.ORDINARY] * 20, 12),
        ([Trust.SURE] * 2 + [Trust.DOUBTFUL] * 20, None),
    ],
)
def test_a_sure_look_counts_four_times(trusts: list[Trust], at: int | None) -> None:
    assert trusted_at(trusts) == at


@pytest.mark.hazard("H11")
@pytest.mark.parametrize("fps", [60.0, 25.0, 10.0, 5.0, 2.0])
def test_one_look_confirms_nothing_however_sure(fps: float) -> None:
    for rule in (FOUR_OF_SIX, TWELVE_OF_FIFTEEN):
        assert (trusted_at([Trust.SURE] * 20, fps, rule) or 0) >= 2


def test_a_window_of_nothing_confirms_at_once() -> None:
    off = PersistenceRule(window_ms=0)
    assert confirmed_at("x", rule=off) == 1
    assert Evidence().add(LookTimes().next(0, off))


def test_a_full_share_asks_for_every_frame_of_the_window() -> None:
    rule = PersistenceRule(window_ms=200, share=1.0)
    assert confirmed_at("xxxx.xxxxx", rule=rule) == 10


def test_the_settings_default_is_the_rules_own() -> None:
    settings = FindingSettings()
    assert PersistenceRule(settings.window_ms, settings.share) == PersistenceRule()
