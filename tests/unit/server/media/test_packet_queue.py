from __future__ import annotations

import threading

from server.media.frame import SourcePacket, StreamFormat
from server.media.packet_queue import PacketQueue, Restart


def _packet(number: int, *, key: bool = False) -> SourcePacket:
    return SourcePacket(b"x", number, key, number)


def _drain(queue: PacketQueue) -> list[int | str]:
    found: list[int | str] = []
    while queue.packets:
        item = queue.get()
        found.append(item.pts if isinstance(item, SourcePacket) else "restart")
    return found


def test_nothing_is_taken_before_the_first_keyframe() -> None:
    queue = PacketQueue(10)
    assert not queue.put_packet(_packet(1))
    assert queue.put_packet(_packet(2, key=True))
    assert _drain(queue) == [2]
    assert queue.drops == 1


def test_an_overflow_goes_on_at_the_next_keyframe_and_is_counted() -> None:
    queue = PacketQueue(3)
    for number in range(6):
        queue.put_packet(_packet(number, key=number in (0, 5)))
    assert _drain(queue) == [5]
    assert queue.drops == 5


def test_a_restart_survives_an_overflow_and_keeps_its_place() -> None:
    queue = PacketQueue(2)
    queue.put_packet(_packet(0, key=True))
    queue.put_restart(Restart(StreamFormat("h264"), "again"))
    for number in range(1, 4):
        queue.put_packet(_packet(number, key=True))
    assert _drain(queue) == ["restart", 2, 3]


def test_a_restart_asks_for_a_keyframe() -> None:
    queue = PacketQueue(5)
    queue.put_packet(_packet(0, key=True))
    queue.put_restart(Restart(StreamFormat("h264"), "again"))
    assert not queue.put_packet(_packet(1))


def test_closing_ends_a_waiting_reader() -> None:
    queue = PacketQueue(5)
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(queue.get()))
    thread.start()
    queue.close()
    thread.join(5)
    assert found == [None]


def test_raw_pictures_are_bounded_by_their_bytes() -> None:
    queue = PacketQueue(60)
    raw = bytes(4 << 20)
    for number in range(40):
        assert queue.put_packet(SourcePacket(raw, number, True, number))
        assert queue.packets <= 17
    assert queue.drops == 34
    assert _drain(queue) == [34, 35, 36, 37, 38, 39]
    assert queue.put_packet(_packet(40, key=True))
