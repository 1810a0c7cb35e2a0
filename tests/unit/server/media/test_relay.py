from __future__ import annotations

import asyncio

import pytest

from server.media.frame import CodedPacket
from server.media.relay import PacketSubscription, Relay, RelayClosedError


def _packet(number: int, *, key: bool = False, size: int = 10) -> CodedPacket:
    return CodedPacket(
        payload=bytes(size),
        pts=number * 3600,
        is_keyframe=key,
        codec="h264",
        captured_at_ns=number * 40_000_000,
    )


def _publish(relay: Relay, first: int, count: int, *, group: int) -> None:
    for number in range(first, first + count):
        relay.publish(_packet(number, key=number % group == 0))


async def _read_all(subscription: PacketSubscription) -> list[int]:
    return [(await subscription.get()).pts // 3600 for _ in range(subscription.waiting)]


async def test_a_joiner_gets_the_group_of_pictures_so_far_then_what_follows() -> None:
    relay = Relay()
    _publish(relay, 0, 8, group=5)
    subscription = relay.subscribe()
    _publish(relay, 8, 2, group=5)
    assert await _read_all(subscription) == [5, 6, 7, 8, 9]
    assert subscription.drops == 0


async def test_a_joiner_before_the_first_keyframe_starts_with_it() -> None:
    relay = Relay()
    subscription = relay.subscribe()
    _publish(relay, 3, 4, group=5)
    assert await _read_all(subscription) == [5, 6]


async def test_a_late_viewer_goes_on_at_the_next_keyframe_and_its_losses_are_counted() -> None:
    relay = Relay()
    subscription = relay.subscribe()
    prompt = relay.subscribe()
    read: list[int] = []
    for number in range(110):
        relay.publish(_packet(number, key=number % 50 == 0))
        read += await _read_all(prompt)
    assert await _read_all(subscription) == list(range(100, 110))
    assert subscription.drops == 100
    assert read == list(range(110)), "a slow viewer must not disturb the others"
    assert relay.drops == {"relay": 100}


async def test_losses_of_a_viewer_that_left_stay_counted() -> None:
    relay = Relay()
    subscription = relay.subscribe()
    _publish(relay, 0, 100, group=50)
    subscription.close()
    assert relay.viewers == 0
    assert relay.drops["relay"] > 0


async def test_a_group_too_long_to_send_is_not_kept() -> None:
    relay = Relay()
    _publish(relay, 0, 320, group=1000)
    assert relay.subscribe().waiting == 0


async def test_where_keyframes_can_be_had_a_joiner_asks_for_one() -> None:
    relay = Relay()
    requests: list[int] = []
    relay.set_keyframe_request(lambda: requests.append(relay.last_pts))
    _publish(relay, 0, 20, group=1000)
    subscription = relay.subscribe()
    assert subscription.waiting == 0
    assert requests == [19 * 3600]
    relay.publish(_packet(20, key=True))
    assert (await subscription.get()).is_keyframe


async def test_keyframes_are_asked_for_at_most_twice_a_second() -> None:
    relay = Relay()
    requests: list[int] = []
    relay.set_keyframe_request(lambda: requests.append(relay.last_pts // 3600))
    reader = asyncio.create_task(relay.subscribe().get())
    await asyncio.sleep(0)
    _publish(relay, 1, 50, group=1000)
    assert requests[0] == -1
    assert 3 <= len(requests) <= 1 + 50 * 40 // 500 + 1
    reader.cancel()


async def test_a_reader_that_hangs_asks_for_no_keyframes() -> None:
    relay = Relay()
    requests: list[int] = []
    _publish(relay, 0, 2, group=1000)
    relay.subscribe()
    relay.set_keyframe_request(lambda: requests.append(relay.last_pts // 3600))
    _publish(relay, 2, 200, group=1000)
    assert relay.drops["relay"] > 100
    assert requests == []


async def test_a_report_of_loss_is_passed_on_only_where_it_helps() -> None:
    relay = Relay()
    assert relay.request_keyframe() is False
    relay.set_keyframe_request(lambda: None)
    assert relay.request_keyframe() is True


async def test_after_a_restart_reading_goes_on_at_a_keyframe() -> None:
    relay = Relay()
    _publish(relay, 0, 3, group=5)
    subscription = relay.subscribe()
    await _read_all(subscription)
    relay.restart()
    _publish(relay, 3, 4, group=5)
    assert await _read_all(subscription) == [5, 6]
    assert relay.subscribe().waiting == 2


async def test_closing_the_relay_ends_its_readers() -> None:
    relay = Relay()
    subscription = relay.subscribe()
    reader = asyncio.create_task(subscription.get())
    await asyncio.sleep(0)
    relay.close()
    with pytest.raises(RelayClosedError):
        await asyncio.wait_for(reader, 5)
    with pytest.raises(RelayClosedError):
        relay.subscribe()
    assert relay.viewers == 0


async def test_a_reader_that_lost_a_picture_gets_the_group_of_pictures_again() -> None:
    relay = Relay()
    _publish(relay, 0, 8, group=100)
    reader, other = relay.subscribe(), relay.subscribe()
    assert await _read_all(reader) == list(range(8))
    assert await _read_all(other) == list(range(8))
    reader.request_repair()
    _publish(relay, 8, 2, group=100)
    assert await _read_all(reader) == list(range(10))
    assert await _read_all(other) == [8, 9], "only who asked is served again"


async def test_a_group_of_pictures_is_sent_again_at_most_once_a_second() -> None:
    relay = Relay()
    reader = relay.subscribe()
    served = 0
    for number in range(100):
        relay.publish(_packet(number, key=number == 0))
        reader.request_repair()
        served += (await _read_all(reader))[0] == 0
    assert served == 4, "in four seconds"


async def test_where_keyframes_can_be_had_a_loss_asks_for_one_and_repeats_nothing() -> None:
    relay = Relay()
    requests: list[int] = []
    relay.set_keyframe_request(lambda: requests.append(relay.last_pts // 3600))
    _publish(relay, 0, 5, group=100)
    reader = relay.subscribe()
    await _read_all(reader)
    reader.request_repair()
    assert requests == [4]
    assert reader.waiting == 0


async def test_losses_are_counted_by_the_kind_of_reader() -> None:
    relay = Relay()
    relay.subscribe()
    gone = relay.subscribe("push")
    _publish(relay, 0, 100, group=200)
    gone.close()
    drops = relay.drops
    assert drops == {"relay": 100, "push": 100}


async def test_the_origin_hears_when_readers_come_and_go() -> None:
    heard: list[int] = []
    relay = Relay(heard.append)
    first, second = relay.subscribe(), relay.subscribe()
    first.close()
    first.close()
    second.close()
    assert heard == [1, 2, 1, 0]
