from __future__ import annotations

import random

from server.media.frame_assembler import FrameAssembler, RtpFrame, RtpPiece

_MS = 1_000_000


def _pieces(frames: int, *, first_sequence: int = 0, size: int = 3) -> list[RtpPiece]:
    """`frames` frames of `size` packets each; frame n is made of bytes n."""
    return [
        RtpPiece(
            sequence_number=(first_sequence + frame * size + part) & 0xFFFF,
            timestamp=frame * 3000,
            is_last=part == size - 1,
            payload_type=96,
            data=bytes([frame & 0xFF]),
        )
        for frame in range(frames)
        for part in range(size)
    ]


def _feed(assembler: FrameAssembler, pieces: list[RtpPiece], step_ms: int = 1) -> list[RtpFrame]:
    frames: list[RtpFrame] = []
    for number, piece in enumerate(pieces):
        frames += assembler.add(piece, number * step_ms * _MS)
    return frames


def test_a_frame_is_complete_at_its_marker_bit() -> None:
    assembler = FrameAssembler()
    pieces = _pieces(1)
    assert _feed(assembler, pieces[:2]) == []
    assert assembler.add(pieces[2], 0) == [RtpFrame(96, 0, b"\0\0\0", follows_loss=False)]


def test_a_frame_without_marker_is_complete_when_the_next_begins() -> None:
    pieces = [RtpPiece(n, 3000 * (n // 2), False, 96, b"x") for n in range(3)]
    assert [f.data for f in _feed(FrameAssembler(), pieces)] == [b"xx"]


def test_order_and_duplicates_do_not_matter_within_patience() -> None:
    pieces = _pieces(20)
    shuffled = [pieces[0]]
    chance = random.Random(3)  # noqa: S311
    for start in range(1, len(pieces), 6):
        window = pieces[start : start + 6] * 2
        chance.shuffle(window)
        shuffled += window
    frames = _feed(FrameAssembler(), shuffled)
    assert [f.data for f in frames] == [bytes([n]) * 3 for n in range(20)]
    assert not any(f.follows_loss for f in frames)


def test_the_sequence_number_may_wrap() -> None:
    frames = _feed(FrameAssembler(), _pieces(10, first_sequence=65_530))
    assert [f.data[0] for f in frames] == list(range(10))


def test_a_lost_packet_costs_its_frame_and_is_told() -> None:
    pieces = _pieces(12)
    del pieces[10]  # inside frame 3
    frames = _feed(FrameAssembler(patience_ns=5 * _MS), pieces)
    assert [f.data[0] for f in frames] == [n for n in range(12) if n != 3]
    assert [f.data[0] for f in frames if f.follows_loss] == [4]


def test_a_frame_that_lost_its_beginning_behind_another_loss_is_no_frame() -> None:
    """It would be taken for a keyframe without its parameter sets, and get those of before."""
    pieces = [piece for number, piece in enumerate(_pieces(12)) if number not in (10, 12)]
    frames = _feed(FrameAssembler(patience_ns=5 * _MS), pieces)
    assert [f.data for f in frames] == [bytes([n]) * 3 for n in range(12) if n not in (3, 4)]
    assert [f.data[0] for f in frames if f.follows_loss] == [5]


def test_a_packet_sent_again_in_time_costs_nothing() -> None:
    pieces = _pieces(12)
    late = pieces.pop(10)
    pieces.insert(20, late)
    frames = _feed(FrameAssembler(patience_ns=50 * _MS), pieces)
    assert [f.data[0] for f in frames] == list(range(12))
    assert not any(f.follows_loss for f in frames)


def test_waiting_is_bounded_even_if_time_stands_still() -> None:
    pieces = _pieces(1000)
    del pieces[1]
    frames = _feed(FrameAssembler(), pieces, step_ms=0)
    assert frames[0].data[0] == 1
    assert len(frames) > 900


def test_empty_padding_packets_make_no_frames() -> None:
    pieces = [RtpPiece(n, 0, False, 96, b"") for n in range(3)]
    pieces += [RtpPiece(3, 3000, True, 96, b"y")]
    assert [f.data for f in _feed(FrameAssembler(), pieces)] == [b"y"]


def test_a_sender_that_starts_over_is_followed() -> None:
    assembler = FrameAssembler()
    _feed(assembler, _pieces(3, first_sequence=40_000))
    frames = _feed(assembler, _pieces(2, first_sequence=20_000))
    assert [f.data[0] for f in frames] == [0, 1]
    assert frames[0].follows_loss


def test_a_packet_of_a_large_frame_is_not_looked_at_again_with_each_that_follows() -> None:
    """Large keyframes have hundreds of packets: work grows with them, not with their square."""
    looks = 0

    class Counted(RtpPiece):
        """Counts how often it is asked for its frame."""

        __slots__ = ()

        def __getattribute__(self, name: str) -> object:
            nonlocal looks
            looks += name == "timestamp"
            return super().__getattribute__(name)

    count = 400
    pieces = [Counted(n, 0, n == count - 1, 96, b"x") for n in range(count)]
    (frame,) = _feed(FrameAssembler(), list(pieces))
    assert len(frame.data) == count
    assert looks < 4 * count
