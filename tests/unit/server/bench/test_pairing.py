from __future__ import annotations

from server.bench.pairing import Pair, pair_up

MS = 1_000_000


def test_a_picture_is_paired_with_its_own_later_arrival() -> None:
    pairs = pair_up([(0, 0), (1, 40 * MS)], [(1, 47 * MS), (0, 3 * MS)], round_s=10)
    assert pairs == [Pair(0, 0, 3 * MS), Pair(1, 40 * MS, 47 * MS)]
    assert [pair.delay_ms for pair in pairs] == [3, 7]


def test_the_same_number_of_another_round_is_no_pair() -> None:
    second = 1000 * MS
    pairs = pair_up([(5, 0), (5, 10 * second)], [(5, 10 * second + 8 * MS)], round_s=10)
    assert [pair.delay_ms for pair in pairs] == [None, 8]


def test_an_arrival_that_came_sooner_is_told_as_below_zero() -> None:
    (pair,) = pair_up([(3, 50 * MS)], [(3, 48 * MS)], round_s=10)
    assert pair.delay_ms == -2


def test_a_picture_that_never_came_again_has_no_delay() -> None:
    (pair,) = pair_up([(3, 0)], [(4, 1)], round_s=10)
    assert pair.delay_ms is None


def test_an_arrival_long_before_is_the_round_befores() -> None:
    (pair,) = pair_up([(3, 4000 * MS)], [(3, 700 * MS), (3, 9000 * MS)], round_s=10)
    assert pair.delay_ms == 5000
