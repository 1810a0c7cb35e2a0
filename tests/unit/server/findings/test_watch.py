from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.findings.book import FindingBook
from server.findings.judge import SeenRegion
from server.findings.persistence import PersistenceRule
from server.findings.watch import FindingWatch, Outcome
from tests.unit.server.findings.conftest import Told

FRAME = 3600
BEGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)
POLYP = SeenRegion((100.0, 100.0, 50.0, 40.0), 0.02, 0.9)
OTHER = SeenRegion((250.0, 30.0, 20.0, 20.0), 0.004, 0.7)


class Room:
    """A watch that is shown frames at 25 a second."""

    def __init__(self, max_findings: int = 100) -> None:
        self.told = Told()
        self.book = FindingBook(max_findings, self.told.changed, self.told.gone)
        self.watch = FindingWatch(self.book, PersistenceRule(240, 0.66), 1000)
        self.frame = 0

    def show(self, *regions: SeenRegion, times: int = 1, can_keep: bool = True) -> Outcome:
        for _ in range(times):
            outcome = self.watch.look(
                self.frame * FRAME,
                BEGIN + timedelta(seconds=self.frame / 25),
                regions,
                can_keep_picture=can_keep,
            )
            self.frame += 1
        return outcome


@pytest.mark.hazard("H11")
def test_a_polyp_is_told_once_when_it_was_found_for_long_enough() -> None:
    room = Room()
    room.show(times=25)
    assert room.show(POLYP, times=3).announced == 0
    assert room.told.findings == []
    assert room.show(POLYP).announced == 1
    assert [finding.id for finding in room.told.findings] == ["f1"]
    finding = room.book.get("f1")
    assert (finding.first_seen_pts, finding.last_seen_pts) == (25 * FRAME, 28 * FRAME)
    assert finding.first_seen_at == BEGIN + timedelta(seconds=1)
    assert (finding.seen_ms, finding.largest_share, finding.score) == (160, 0.02, 0.9)
    assert finding.status == "open"
    assert room.show(POLYP, times=100).announced == 0
    assert len(room.book.findings) == 1


def test_verdicts_go_with_their_regions() -> None:
    room = Room()
    room.show(POLYP, times=10)
    verdicts = room.show(OTHER, POLYP).verdicts
    assert [verdict.is_confirmed for verdict in verdicts] == [False, True]
    assert verdicts[1].track == 1
    assert verdicts[0].track == 2


@pytest.mark.hazard("H11")
def test_a_spark_of_three_frames_is_never_told() -> None:
    room = Room()
    for _ in range(20):
        room.show(times=30)
        room.show(OTHER, times=3)
    assert room.book.findings == []


def test_a_polyp_that_comes_back_within_a_second_is_the_same_and_confirmed_at_once() -> None:
    room = Room()
    room.show(POLYP, times=10)
    room.show(times=20)
    outcome = room.show(POLYP)
    assert outcome.verdicts[0].is_confirmed
    assert len(room.book.findings) == 1
    room.show(times=30)
    assert not room.show(POLYP).verdicts[0].is_confirmed


def test_while_in_sight_clients_are_told_once_a_second_and_when_it_has_gone() -> None:
    room = Room()
    room.show(POLYP, times=5)
    told = len(room.told.findings)
    room.show(POLYP, times=100)
    assert len(room.told.findings) - told == 4
    assert room.book.get("f1").is_in_sight
    room.show(times=26)
    assert not room.book.get("f1").is_in_sight
    assert not room.told.findings[-1].is_in_sight
    revisions = [finding.revision for finding in room.told.findings]
    assert revisions == sorted(set(revisions))


def test_how_long_how_large_and_how_sure_follow_what_is_seen() -> None:
    room = Room()
    room.show(POLYP, times=10)
    near = SeenRegion((95.0, 95.0, 60.0, 50.0), 0.05, 0.97)
    room.show(near, times=10)
    room.show(times=5)
    room.show(POLYP, times=5)
    finding = room.book.get("f1")
    assert (finding.largest_share, finding.score) == (0.05, 0.97)
    assert finding.seen_ms == 24 * 40
    assert finding.last_seen_pts == 29 * FRAME


def test_the_best_frame_becomes_the_picture() -> None:
    room = Room()
    room.show(times=5)
    assert room.show(POLYP, times=4).best_of == (("f1", 0),)
    assert room.show(POLYP).best_of == ()
    near = SeenRegion((95.0, 95.0, 60.0, 50.0), 0.05, 0.97)
    assert room.show(OTHER, near, can_keep=False).best_of == ()
    assert room.show(OTHER, near).best_of == (("f1", 1),)


def test_another_epoch_continues_nothing() -> None:
    room = Room()
    room.show(POLYP, times=10)
    room.watch.begin_epoch()
    assert not room.book.get("f1").is_in_sight
    verdict = room.show(POLYP).verdicts[0]
    assert not verdict.is_confirmed
    assert verdict.track == 2
    assert room.show(POLYP, times=4).announced == 1
    assert [finding.id for finding in room.book.findings] == ["f1", "f2"]


def test_how_long_it_was_seen_does_not_depend_on_the_rule() -> None:
    room = Room()
    room.watch.rule = PersistenceRule(window_ms=0)
    room.show(POLYP, times=51)
    assert room.book.get("f1").seen_ms == 50 * 40


def test_a_rule_that_changes_holds_from_then_on() -> None:
    room = Room()
    room.show(POLYP, times=10)
    room.watch.rule = PersistenceRule(window_ms=0)
    assert room.show(POLYP, OTHER).announced == 1


def test_findings_of_long_sessions_are_bounded() -> None:
    room = Room(max_findings=3)
    for _ in range(10):
        room.show(POLYP, times=10)
        room.show(times=30)
    assert [finding.id for finding in room.book.findings] == ["f8", "f9", "f10"]
    assert room.watch.tracks == 0
