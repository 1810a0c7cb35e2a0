from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from server.findings.judge import Judge, SeenRegion, Verdict
from server.findings.persistence import PersistenceRule

RULE = PersistenceRule(window_ms=240, share=0.66)
POLYP = SeenRegion((100.0, 100.0, 80.0, 80.0), 0.05, 0.9)
PIECE = SeenRegion((185.0, 150.0, 10.0, 10.0), 0.001, 0.7)
FAR = SeenRegion((280.0, 20.0, 10.0, 10.0), 0.001, 0.7)


class Stream:
    """25 masks a second, each region with the track a test gives it."""

    def __init__(self) -> None:
        self.judge = Judge(1000)
        self.look = 0

    def show(self, *seen: tuple[int, SeenRegion], times: int = 1) -> list[Verdict]:
        """Return what was said of the last of these masks."""
        for _ in range(times):
            verdicts = self.judge.look(3600 * self.look, RULE, seen)
            self.look += 1
        return verdicts


@pytest.fixture
def stream() -> Stream:
    stream = Stream()
    stream.show(times=10)
    return stream


@pytest.mark.hazard("H11")
def test_pieces_that_come_and_go_around_a_told_polyp_are_not_told(stream: Stream) -> None:
    stream.show((1, POLYP), times=10)
    for number in range(2, 12):
        for _ in range(8):
            polyp, piece = stream.show((1, POLYP), (number, PIECE))
            assert not piece.is_new
            assert (polyp.is_confirmed, piece.is_confirmed) == (True, True)
        stream.show((1, POLYP), times=5)


def test_what_lasts_beside_a_told_polyp_is_told_in_the_end(stream: Stream) -> None:
    stream.show((1, POLYP), times=10)
    told = [stream.show((1, POLYP), (2, PIECE))[1].is_new for _ in range(20)]
    assert told.index(True) == 15


def test_elsewhere_a_second_polyp_is_told_as_soon_as_the_first(stream: Stream) -> None:
    stream.show((1, POLYP), times=10)
    told = [stream.show((1, POLYP), (2, FAR))[1] for _ in range(5)]
    assert [verdict.is_new for verdict in told] == [False, False, False, True, False]
    assert [verdict.is_confirmed for verdict in told] == [False, False, False, True, True]


def test_a_larger_region_beside_a_told_one_is_no_piece_of_it(stream: Stream) -> None:
    stream.show((1, PIECE), times=10)
    told = [stream.show((1, PIECE), (2, POLYP))[1].is_new for _ in range(5)]
    assert told.index(True) == 3


def test_pieces_left_when_the_told_polyp_is_missed_are_still_its_pieces(stream: Stream) -> None:
    stream.show((1, POLYP), times=10)
    said = [stream.show((2, PIECE))[0] for _ in range(6)]
    assert not any(verdict.is_new for verdict in said)
    assert all(verdict.is_confirmed for verdict in said)


def test_a_told_polyp_that_is_gone_for_more_than_a_second_shields_nothing(stream: Stream) -> None:
    stream.show((1, POLYP), times=10)
    stream.show(times=30)
    said = [stream.show((2, PIECE))[0].is_new for _ in range(5)]
    assert said.index(True) == 3


def test_forgetting_begins_afresh(stream: Stream) -> None:
    stream.show((1, POLYP), times=10)
    stream.judge.forget()
    assert not stream.show((2, PIECE))[0].is_confirmed


@pytest.mark.hazard("H11")
def test_a_ragged_region_takes_four_times_as_long(stream: Stream) -> None:
    ragged = replace(POLYP, solidity=0.79)
    told = [stream.show((1, ragged))[0].is_new for _ in range(20)]
    assert told.index(True) == 15
    less = replace(FAR, solidity=0.81)
    assert [stream.show((2, less))[0].is_new for _ in range(5)].index(True) == 3


@pytest.mark.hazard("H11")
def test_a_region_that_jumps_or_changes_its_size_takes_four_times_as_long(stream: Stream) -> None:
    aside = replace(POLYP, box=(150.0, 100.0, 80.0, 80.0))
    smaller = replace(POLYP, box=(100.0, 100.0, 40.0, 40.0))
    for number, other in enumerate((aside, smaller), start=1):
        said = [stream.show((number, (POLYP, other)[k % 2]))[0].is_new for k in range(20)]
        assert said.index(True) == 15
        stream.judge.forget()
        stream.show(times=10)


def test_a_region_that_drifts_and_grows_is_told_as_one_that_rests(stream: Stream) -> None:
    boxes = [(100.0 + 15 * k, 100.0 - 5 * k, 80.0 + 8 * k, 80.0 + 8 * k) for k in range(5)]
    said = [stream.show((1, replace(POLYP, box=box)))[0].is_new for box in boxes]
    assert said.index(True) == 3


def test_a_large_round_sure_region_that_stays_is_told_sooner(stream: Stream) -> None:
    sure = replace(POLYP, score=0.98, solidity=0.9)
    assert [stream.show((1, sure))[0].is_new for _ in range(5)].index(True) == 1


@pytest.mark.hazard("H11")
@pytest.mark.parametrize(
    "change",
    [{"score": 0.97}, {"share": 0.009}, {"solidity": 0.84}, {"box": (130.0, 100.0, 80.0, 80.0)}],
)
def test_what_lacks_one_thing_to_be_sure_is_told_as_others(
    stream: Stream, change: dict[str, Any]
) -> None:
    sure = replace(POLYP, score=0.98, solidity=0.9)
    less = replace(sure, **change)
    # A box is compared with that of the look before: it has to go to and fro.
    looks = [POLYP, less, sure if "box" in change else less, less, less]
    told = [stream.show((1, look))[0].is_new for look in looks]
    assert told.index(True) == 3


def test_without_a_filter_doubt_delays_nothing() -> None:
    verdicts = Judge(1000).look(
        0, PersistenceRule(window_ms=0), [(1, replace(POLYP, solidity=0.2))]
    )
    assert verdicts[0].is_new
