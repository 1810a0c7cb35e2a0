from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from server.findings.tracker import MAX_TRACKS, Box, Tracker

FRAME = 3600


def numbers(tracker: Tracker, pts: int, *boxes: Box) -> list[int]:
    return [track.number for track in tracker.follow(pts, boxes)]


def test_a_region_that_moves_a_little_keeps_its_track() -> None:
    tracker = Tracker(1000)
    seen = {numbers(tracker, k * FRAME, (100.0 + 4 * k, 50.0, 40.0, 30.0))[0] for k in range(50)}
    assert seen == {1}


def test_two_regions_keep_their_tracks_whatever_their_order() -> None:
    tracker = Tracker(1000)
    one, other = (10.0, 10.0, 40.0, 40.0), (200.0, 10.0, 40.0, 40.0)
    assert numbers(tracker, 0, one, other) == [1, 2]
    assert numbers(tracker, FRAME, other, one) == [2, 1]


def test_the_pairing_with_the_greatest_overlap_in_all_is_taken() -> None:
    """Taking the best single pair first would leave the other region without its track."""
    tracker = Tracker(1000)
    assert numbers(tracker, 0, (0.0, 0.0, 100.0, 10.0), (60.0, 0.0, 100.0, 10.0)) == [1, 2]
    assert numbers(tracker, FRAME, (32.0, 0.0, 100.0, 10.0), (100.0, 0.0, 100.0, 10.0)) == [1, 2]


def test_identity_is_kept_through_a_gap_of_a_second_and_not_longer() -> None:
    box = (100.0, 100.0, 50.0, 50.0)
    tracker = Tracker(1000)
    assert numbers(tracker, 0, box) == [1]
    assert numbers(tracker, 90_000, box) == [1]
    assert numbers(tracker, 90_000 + 90_001, box) == [2]


def test_after_a_gap_a_region_that_moved_on_is_still_the_same() -> None:
    tracker = Tracker(1000)
    assert numbers(tracker, 0, (100.0, 100.0, 50.0, 50.0)) == [1]
    assert numbers(tracker, FRAME, (160.0, 100.0, 50.0, 50.0)) == [2]
    tracker = Tracker(1000)
    assert numbers(tracker, 0, (100.0, 100.0, 50.0, 50.0)) == [1]
    assert numbers(tracker, 12 * FRAME, (160.0, 100.0, 50.0, 50.0)) == [1]


def test_cleared_tracks_are_gone_and_their_numbers_are_not_used_again() -> None:
    box = (100.0, 100.0, 50.0, 50.0)
    tracker = Tracker(1000)
    assert numbers(tracker, 0, box) == [1]
    tracker.clear()
    assert tracker.tracks == ()
    assert numbers(tracker, FRAME, box) == [2]


def test_noise_does_not_make_tracks_without_limit() -> None:
    tracker = Tracker(1000)
    for frame in range(20):
        boxes = [(float(20 * k), 20.0 * frame, 5.0, 5.0) for k in range(64)]
        assert len(tracker.follow(frame * FRAME, boxes)) == 64
        assert len(tracker.tracks) <= MAX_TRACKS


sides = st.floats(1, 80)
boxes_st = st.lists(st.tuples(st.floats(0, 300), st.floats(0, 300), sides, sides), max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60_000), boxes_st), max_size=12))
def test_every_region_has_one_track_and_no_track_two_regions(
    looks: list[tuple[int, list[Box]]],
) -> None:
    tracker, pts, before = Tracker(1000), 0, 0
    for step, boxes in looks:
        pts += step
        tracks = tracker.follow(pts, boxes)
        assert len(tracks) == len(boxes)
        assert len({track.number for track in tracks}) == len(tracks)
        assert all(track.seen_pts == pts for track in tracks)
        assert tracker.begun >= before
        before = tracker.begun
