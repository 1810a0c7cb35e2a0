from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.finding_bench.recording import RecordedScene
from server.finding_bench.replay import (
    Appearance,
    find_appearances,
    follow,
    tell,
)
from server.findings.book import FindingBook
from server.findings.judge import SeenRegion
from server.findings.persistence import PersistenceRule
from server.findings.watch import FindingWatch
from server.masks.finding import Finding
from tests.unit.server.finding_bench.conftest import scene_of

FOUR_OF_SIX = PersistenceRule(window_ms=240, share=0.66)
OFF = PersistenceRule(window_ms=0)
SIGHT = 0.01


def test_a_polyp_that_is_found_at_once_is_told_after_the_windows_share() -> None:
    telling = tell([follow(scene_of("." * 10 + "x" * 40, "." * 10 + "1" * 40))], FOUR_OF_SIX, SIGHT)
    assert (telling.told, telling.false) == (1, 0)
    assert telling.delays_ms == [120]
    assert telling.hours == 50 / 25 / 3600


def test_without_a_filter_it_is_told_at_its_first_mask() -> None:
    telling = tell([follow(scene_of("." * 15 + "x" * 35, "." * 10 + "1" * 40))], OFF, SIGHT)
    assert telling.delays_ms == [200]


def test_a_finding_that_touches_no_polyp_is_false() -> None:
    scene = follow(scene_of("f" * 10 + "." * 40 + "ff" + "." * 40))
    assert (tell([scene], FOUR_OF_SIX, SIGHT).told, tell([scene], FOUR_OF_SIX, SIGHT).false) == (
        1,
        1,
    )
    assert (tell([scene], OFF, SIGHT).told, tell([scene], OFF, SIGHT).false) == (2, 2)


def test_a_polyp_that_is_told_again_is_counted_as_repeated() -> None:
    scene = follow(scene_of(("x" * 10 + "." * 40) * 3))
    telling = tell([scene], FOUR_OF_SIX, SIGHT)
    assert (telling.told, telling.false, telling.repeated) == (3, 0, 2)


def test_a_polyp_that_is_never_told_is_missed() -> None:
    scene = follow(scene_of("xx......" * 10 + "f" * 20))
    assert tell([scene], FOUR_OF_SIX, SIGHT).delays_ms == [None]


def test_what_was_told_before_the_polyp_was_large_enough_has_no_delay() -> None:
    scene = follow(scene_of("x" * 60, "s" * 30 + "1" * 30))
    assert tell([scene], FOUR_OF_SIX, SIGHT).delays_ms == [0]


def test_a_polyp_is_in_sight_while_it_is_large_enough_gaps_up_to_a_second_included() -> None:
    truth = "." * 5 + "s" * 10 + "1" * 20 + "." * 25 + "1" * 5 + "." * 26 + "1" * 5
    scene = scene_of("." * len(truth), truth)
    assert find_appearances(scene, SIGHT) == [Appearance(1, 5, 15, 65)]
    assert find_appearances(scene, 0.5) == []


@pytest.mark.parametrize("rule", [FOUR_OF_SIX, PersistenceRule(600, 0.8), OFF])
def test_the_replay_tells_what_a_session_tells(rule: PersistenceRule) -> None:
    marks = "x.xx.xxxx....ff.fff......xxx" * 6 + "." * 30 + "f" * 9
    scene = scene_of(marks)
    assert tell([follow(scene)], rule, SIGHT).told == told_live(scene, rule)


def told_live(scene: RecordedScene, rule: PersistenceRule) -> int:
    """How many findings a session announces on these masks."""
    kept: list[Finding] = []
    watch = FindingWatch(FindingBook(10_000, kept.append, lambda ids: None), rule, 1000)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return sum(
        watch.look(
            3600 * index,
            now,
            [SeenRegion.of(region, scene.picture_px) for region in frame.regions],
        ).announced
        for index, frame in enumerate(scene.frames)
    )
