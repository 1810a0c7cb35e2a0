from __future__ import annotations

from server.media.frame_rate import FrameRate


def _play(rate: FrameRate, start: int, step: int, pictures: int, *, lost: int = 0) -> int:
    """Add pictures; every `lost`-th is missing. The time of the next one."""
    for number in range(pictures):
        if not lost or number % lost != lost - 1:
            rate.add(start + step * number)
    return start + step * pictures


def test_an_untold_rate_is_measured_over_the_first_pictures() -> None:
    rate = FrameRate(None)
    _play(rate, 0, 3003, 25)
    assert rate.fps is None
    rate.add(3003 * 25)
    assert rate.fps == 29.97


def test_another_rate_is_followed_within_a_second() -> None:
    rate = FrameRate(25.0)
    now = _play(rate, 0, 3600, 50)
    assert rate.fps == 25.0
    now = _play(rate, now, 1800, 50)
    assert rate.fps == 50.0
    now = _play(rate, now, 9000, 10)
    assert rate.fps == 10.0


def test_a_told_rate_that_is_wrong_is_corrected() -> None:
    rate = FrameRate(25.0)
    _play(rate, 0, 1500, 60)
    assert rate.fps == 60.0


def test_lost_pictures_and_uneven_times_do_not_change_the_rate() -> None:
    rate = FrameRate(25.0)
    now = _play(rate, 0, 3600, 200, lost=4)
    for number in range(201):
        rate.add(now + 3600 * number + (700 if number % 2 else 0))
        assert rate.fps == 25.0


def test_a_gap_does_not_change_the_rate() -> None:
    rate = FrameRate(25.0)
    now = _play(rate, 0, 3600, 30)
    _play(rate, now + 20 * 90_000, 3600, 30)
    assert rate.fps == 25.0
