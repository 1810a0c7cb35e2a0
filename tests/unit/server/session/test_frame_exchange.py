from __future__ import annotations

from server.errors import InvalidPictureError
from server.masks.message import DroppedMessage, FrameMaskMessage, MaskMessage, RunLengths
from server.session.frame_exchange import (
    MAX_ANSWERS,
    MAX_IN_FLIGHT,
    FrameExchange,
    PushedFrame,
)


class Program:
    """A program's frames; each gets its number times 100 as pts."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.pushed: list[int] = []
        self.exchange = FrameExchange(self._push, lambda: self.now_ns)

    def _push(self, picture: bytes, ticks: int | None) -> int:
        if picture == b"bad":
            raise InvalidPictureError("neither JPEG nor PNG")
        self.pushed.append(int(picture))
        return 100 * int(picture)

    def offer(self, *numbers: int) -> None:
        for number in numbers:
            self.exchange.offer(PushedFrame(number, str(number).encode(), None))

    def mask(self, number: int) -> None:
        self.exchange.note_mask(_mask(100 * number))

    def answers(self) -> list[tuple[int, str]]:
        return [
            (a.id, a.cause if isinstance(a, DroppedMessage) else "mask")
            for a in self.exchange.take()
        ]


def _mask(pts: int) -> MaskMessage:
    return MaskMessage(
        sequence=7,
        pts=pts,
        captured_at_ns=1,
        age_ms=5,
        source_size=(4, 4),
        region=(0, 0, 4, 4),
        rle=RunLengths(size=(4, 4), counts="`0"),
        polyps=(),
        ai_state="active",
        latency_p95_ms=None,
    )


def test_each_frame_gets_its_own_mask() -> None:
    program = Program()
    program.offer(1, 2)
    program.mask(1)
    program.mask(2)
    answers = program.exchange.take()
    assert [(a.id, a.pts) for a in answers if isinstance(a, FrameMaskMessage)] == [
        (1, 100),
        (2, 200),
    ]


def test_beyond_the_limit_the_newest_waits_and_the_others_are_told() -> None:
    program = Program()
    program.offer(*range(1, MAX_IN_FLIGHT + 4))
    assert program.exchange.in_flight == MAX_IN_FLIGHT
    assert program.answers() == [(5, "replaced"), (6, "replaced")]
    program.mask(1)
    assert program.pushed == [1, 2, 3, 4, 7]
    assert program.answers() == [(1, "mask")]


def test_frames_before_a_mask_are_told_that_they_get_none() -> None:
    program = Program()
    program.offer(1, 2, 3)
    program.mask(3)
    assert program.answers() == [(1, "replaced"), (2, "replaced"), (3, "mask")]
    assert program.exchange.in_flight == 0


def test_a_mask_of_somebody_elses_frame_answers_nothing() -> None:
    program = Program()
    program.mask(9)
    assert program.answers() == []


def test_a_frame_that_gets_no_mask_is_given_up_after_a_second() -> None:
    program = Program()
    program.offer(1, 2, 3, 4, 5)
    program.now_ns = 999_999_999
    program.exchange.expire()
    assert program.answers() == []
    program.now_ns += 1
    program.exchange.expire()
    assert program.answers() == [(n, "no_mask") for n in (1, 2, 3, 4)]
    assert program.pushed[-1] == 5


def test_an_unusable_picture_is_told_with_its_cause() -> None:
    program = Program()
    program.exchange.offer(PushedFrame(3, b"bad", None))
    (answer,) = program.exchange.take()
    assert answer == DroppedMessage(id=3, cause="unusable", detail="neither JPEG nor PNG")


def test_a_program_that_takes_no_answers_is_read_no_further() -> None:
    program = Program()
    for number in range(MAX_ANSWERS):
        assert not program.exchange.is_full
        program.exchange.offer(PushedFrame(number, b"bad", None))
    assert program.exchange.is_full
    program.exchange.take()
    assert not program.exchange.is_full
