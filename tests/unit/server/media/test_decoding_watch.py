from __future__ import annotations

from server.media.decoding_watch import DecodingWatch

FRAME_NS = 40_000_000


def _first_hopeless_ms(watch: DecodingWatch, *, is_loss: bool, packets: int = 500) -> int | None:
    """Give it packets at 25 a second; the time at which it gives up hope."""
    for number in range(packets):
        watch.note_packet(number * FRAME_NS)
        if is_loss:
            watch.note_loss()
        if watch.is_hopeless(number * FRAME_NS):
            return number * 40
    return None


def test_losses_alone_are_hopeless_within_a_second() -> None:
    assert _first_hopeless_ms(DecodingWatch(), is_loss=True) == 920


def test_packets_without_error_and_without_picture_are_given_more_time() -> None:
    assert _first_hopeless_ms(DecodingWatch(), is_loss=False) == 5040


def test_a_picture_begins_the_count_afresh() -> None:
    watch = DecodingWatch()
    for number in range(500):
        watch.note_packet(number * FRAME_NS)
        if number % 20 == 19:
            watch.note_picture()
        else:
            watch.note_loss()
        assert not watch.is_hopeless(number * FRAME_NS)


def test_a_few_packets_far_apart_prove_nothing() -> None:
    watch = DecodingWatch()
    for number in range(20):
        watch.note_packet(number * 1_000_000_000)
        watch.note_loss()
        assert not watch.is_hopeless(number * 1_000_000_000)
