from __future__ import annotations

from server.review.timeline import BRIDGED_TICKS, ReviewTimeline

TICK = BRIDGED_TICKS // 5


def facts(timeline: ReviewTimeline) -> list[tuple[int, int, str, str]]:
    return [(s.from_pts // TICK, s.to_pts // TICK, s.state, s.cause) for s in timeline.stretches]


def filled(states: str) -> ReviewTimeline:
    """One letter a picture: p(olyp), c(lear), n(ot looked at)."""
    timeline = ReviewTimeline()
    for index, letter in enumerate(states):
        state = {"p": "polyp", "c": "clear", "n": "not_looked"}[letter]
        timeline.add(index * TICK, state, "blank" if letter == "n" else "")  # type: ignore[arg-type]
    timeline.finish(len(states) * TICK)
    return timeline


def test_nothing_is_told_before_the_first_picture() -> None:
    assert ReviewTimeline().stretches == []


def test_equal_pictures_are_one_stretch_without_gaps_between() -> None:
    assert facts(filled("ccnnpp")) == [
        (0, 2, "clear", ""),
        (2, 4, "not_looked", "blank"),
        (4, 6, "polyp", ""),
    ]


def test_a_short_absence_does_not_break_a_stretch_of_outlines() -> None:
    assert facts(filled("ppccccpp")) == [(0, 8, "polyp", "")]


def test_a_long_absence_begins_where_the_outline_went() -> None:
    assert facts(filled("pp" + "c" * 8 + "p")) == [
        (0, 2, "polyp", ""),
        (2, 10, "clear", ""),
        (10, 11, "polyp", ""),
    ]


def test_an_absence_that_ends_unseen_is_told_as_it_was() -> None:
    assert facts(filled("ppccnn")) == [
        (0, 2, "polyp", ""),
        (2, 4, "clear", ""),
        (4, 6, "not_looked", "blank"),
    ]


def test_two_reasons_not_to_look_are_two_stretches() -> None:
    timeline = ReviewTimeline()
    timeline.add(0, "not_looked", "region")
    timeline.add(TICK, "not_looked", "blank")
    timeline.finish(2 * TICK)
    assert facts(timeline) == [(0, 1, "not_looked", "region"), (1, 2, "not_looked", "blank")]
