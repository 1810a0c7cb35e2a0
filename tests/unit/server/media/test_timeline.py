from __future__ import annotations

from fractions import Fraction

from server.media.timeline import Timeline, TimestampUnwrapper, to_ticks


def test_a_stretch_keeps_the_sources_distances() -> None:
    timeline = Timeline()
    assert [timeline.map(t) for t in (70_000, 73_000, 79_000)] == [0, 3000, 9000]


def test_a_new_stretch_goes_on_behind_the_last() -> None:
    timeline = Timeline()
    timeline.map(0)
    timeline.map(3600)
    timeline.begin_stretch(3600)
    assert [timeline.map(t) for t in (0, 3600)] == [7200, 10800]


def test_a_new_stretch_is_behind_the_last_even_without_a_gap() -> None:
    timeline = Timeline()
    last = timeline.map(500)
    timeline.begin_stretch(0)
    assert timeline.map(500) == last + 1


def test_pictures_shown_before_the_first_packets_stay_in_their_stretch() -> None:
    timeline = Timeline()
    shown = [timeline.map(p, decode_ticks=d) for p, d in ((10_800, 0), (3600, 3600), (7200, 7200))]
    assert shown == [10_800, 3600, 7200]


def test_a_leap_of_the_sources_clock_is_closed() -> None:
    timeline = Timeline()
    timeline.map(0)
    assert timeline.map(90_000 * 3600) == 3600
    assert timeline.map(5) == 7200


def test_a_gap_below_ten_seconds_stays() -> None:
    timeline = Timeline()
    timeline.map(0)
    assert timeline.map(90_000 * 9) == 90_000 * 9


def test_ticks_are_rounded_to_the_nearest() -> None:
    assert to_ticks(1, Fraction(1, 1000)) == 90
    assert to_ticks(2, Fraction(1, 12_800)) == 14


def test_rtp_timestamps_go_on_past_their_wrap_and_tolerate_reordering() -> None:
    unwrapper = TimestampUnwrapper()
    start = 2**32 - 3000
    told = [start, start + 1500, 0, 3000, 1500, 2**32 - 100, 6000]
    assert [unwrapper.unwrap(t) - start for t in told] == [0, 1500, 3000, 6000, 4500, 2900, 9000]
