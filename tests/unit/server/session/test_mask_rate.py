from __future__ import annotations

import pytest

from server.session.mask_rate import MaskRate

MS = 1_000_000


class Stream:
    """25 frames a second, some of them with a mask."""

    def __init__(self) -> None:
        self.rate = MaskRate()
        self.frame = 0

    def run(self, seconds: float, pattern: str) -> list[tuple[int, int] | None]:
        """Return what is said after each frame, repetitions left out; `x` has a mask."""
        said: list[tuple[int, int] | None] = []
        for _ in range(round(seconds * 25)):
            now_ns = self.frame * 40 * MS
            self.rate.note_frames(now_ns, 1)
            if pattern[self.frame % len(pattern)] == "x":
                self.rate.note_mask(now_ns)
            shortfall = self.rate.shortfall(now_ns)
            if not said or shortfall != said[-1]:
                said.append(shortfall)
            self.frame += 1
        return said


def test_nothing_is_said_while_nearly_every_frame_gets_its_mask() -> None:
    assert Stream().run(10, "xxxxxxxxx.") == [None]


@pytest.mark.hazard("H4")
def test_half_of_the_masks_missing_is_said_within_three_seconds_with_numbers() -> None:
    stream = Stream()
    assert stream.run(10, "x") == [None]
    said = stream.run(3, "x.")
    assert said[-1] is not None
    assert stream.run(10, "x.")[-1] == (12, 25)


def test_what_is_said_does_not_jitter() -> None:
    stream = Stream()
    stream.run(10, "x.")
    assert len(stream.run(60, "x.x.x..x.x.x.x.")) == 1
    stream.run(10, "xxxx.....")
    assert len(stream.run(30, "xxxxxx.xxx.xx.xxxx.xxxxxxxxxxx..")) <= 3


def test_it_is_over_when_nine_of_ten_have_their_mask_again() -> None:
    stream = Stream()
    stream.run(10, "x.")
    assert stream.run(6, "xxxxx.xx")[-1] is not None
    assert stream.run(6, "x")[-1] is None


def test_the_first_two_seconds_are_not_judged_and_neither_are_those_after_a_pause() -> None:
    stream = Stream()
    assert stream.run(1.9, ".") == [None]
    stream.rate.forget()
    assert stream.run(1.9, ".") == [None]
    assert stream.run(1, ".")[-1] == (0, 25)


def test_frames_told_late_and_together_count_as_many() -> None:
    rate = MaskRate()
    for tenth in range(30):
        rate.note_frames(tenth * 100 * MS, 3)
        rate.note_mask(tenth * 100 * MS)
    assert rate.shortfall(3000 * MS) == (10, 28)
