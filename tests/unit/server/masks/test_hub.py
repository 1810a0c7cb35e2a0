from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from server.masks.finding import Finding, FindingMessage, FindingsRemovedMessage
from server.masks.hub import (
    MAX_ORIGINS,
    MAX_REMOVED,
    MAX_SIZES,
    HubLimits,
    MaskHub,
    MaskRecord,
    MaskSubscription,
)
from server.masks.message import (
    MaskMessage,
    OriginMessage,
    RunLengths,
    SizeMessage,
    StateMessage,
)
from tests.fakes.virtual_clock import VirtualClock


class Hub:
    """A hub, its clock and what it counted."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.drops: Counter[str] = Counter()
        self.hub = MaskHub(
            state("warming"),
            limits=HubLimits(),
            now_ns=self.clock.monotonic_ns,
            count_drop=lambda cause: self.drops.update([cause]),
        )

    def mask(self, sequence: int) -> MaskRecord:
        return MaskRecord(
            sequence=sequence,
            pts=3600 * sequence,
            captured_at_ns=self.clock.monotonic_ns(),
            source_size=(480, 640),
            region=(0, 0, 640, 480),
            rle=RunLengths(size=(352, 352), counts="PPi3"),
            polyps=(),
            ai_state="active",
            latency_p95_ms=None,
        )


def state(name: str) -> StateMessage:
    return StateMessage(ai_state=name, ai_reason="", source_state="playing", source_reason="")


def masks(subscription: MaskSubscription) -> list[MaskMessage]:
    return [message for message in subscription.take() if isinstance(message, MaskMessage)]


def states(subscription: MaskSubscription) -> list[StateMessage]:
    return [message for message in subscription.take() if isinstance(message, StateMessage)]


@pytest.fixture
def world() -> Hub:
    return Hub()


@pytest.mark.hazard("H5", "F5")
def test_the_state_is_due_at_once_and_then_every_100_ms(world: Hub) -> None:
    reader = world.hub.subscribe()
    assert states(reader) == [state("warming")]
    assert states(reader) == []
    asyncio.run(world.clock.advance(0.099))
    assert states(reader) == []
    asyncio.run(world.clock.advance(0.001))
    assert states(reader) == [state("warming")]


def test_a_changed_state_is_due_at_once_and_an_unchanged_one_is_not(world: Hub) -> None:
    reader = world.hub.subscribe()
    reader.take()
    world.hub.publish_state(state("warming"))
    assert reader.take() == []
    world.hub.publish_state(state("active"))
    assert reader.take() == [state("active")]


def test_at_most_two_masks_are_unacknowledged_and_the_newest_waits(world: Hub) -> None:
    reader = world.hub.subscribe()
    sent = []
    for sequence in range(6):
        world.hub.publish_mask(world.mask(sequence))
        sent += masks(reader)
    assert [mask.sequence for mask in sent] == [0, 1]
    reader.acknowledge(0)
    assert [mask.sequence for mask in masks(reader)] == [5]
    assert world.drops == {"reader_slow": 3}


def test_an_acknowledgement_counts_for_all_masks_before(world: Hub) -> None:
    reader = world.hub.subscribe()
    for sequence in range(2):
        world.hub.publish_mask(world.mask(sequence))
        reader.take()
    reader.acknowledge(99)
    assert reader.unacknowledged == 2
    reader.acknowledge(1)
    assert reader.unacknowledged == 0


@pytest.mark.hazard("H12")
def test_one_slow_reader_does_not_hold_up_another(world: Hub) -> None:
    slow, quick = world.hub.subscribe(), world.hub.subscribe()
    slow.take()
    got = []
    for sequence in range(5):
        world.hub.publish_mask(world.mask(sequence))
        for mask in masks(quick):
            got.append(mask.sequence)
            quick.acknowledge(mask.sequence)
    assert got == [0, 1, 2, 3, 4]


@pytest.mark.hazard("H2")
def test_a_mask_that_grew_too_old_while_it_waited_is_not_sent(world: Hub) -> None:
    reader = world.hub.subscribe()
    world.hub.publish_mask(world.mask(0))
    asyncio.run(world.clock.advance(0.2501))
    assert masks(reader) == []
    assert world.drops == {"reader_late": 1}


def test_the_age_is_taken_when_the_mask_is_sent(world: Hub) -> None:
    reader = world.hub.subscribe()
    world.hub.publish_mask(world.mask(0))
    asyncio.run(world.clock.advance(0.06))
    assert masks(reader)[0].age_ms == 60.0


@pytest.mark.parametrize("is_known_before", [True, False])
def test_an_attached_reader_gets_its_viewers_origin_once(world: Hub, is_known_before: bool) -> None:
    reader, other = world.hub.subscribe(), world.hub.subscribe()
    reader.take(), other.take()
    if is_known_before:
        world.hub.publish_origin("v1", 77)
    world.hub.attach(reader, "v1")
    if not is_known_before:
        world.hub.publish_origin("v1", 77)
    assert reader.take() == [OriginMessage(viewer="v1", rtp_origin=77)]
    assert reader.take() == []
    assert other.take() == []


def test_every_reader_is_told_each_picture_size_and_who_comes_later_the_present_one(
    world: Hub,
) -> None:
    reader = world.hub.subscribe()
    reader.take()
    world.hub.publish_size(3600, (480, 640))
    world.hub.publish_size(7200, (240, 320))
    assert reader.take() == [
        SizeMessage(pts=3600, source_size=(480, 640)),
        SizeMessage(pts=7200, source_size=(240, 320)),
    ]
    assert reader.take() == []
    later = world.hub.subscribe()
    assert later.take()[0] == SizeMessage(pts=7200, source_size=(240, 320))


def test_only_so_many_sizes_wait_for_a_reader(world: Hub) -> None:
    reader = world.hub.subscribe()
    reader.take()
    for number in range(MAX_SIZES + 1):
        world.hub.publish_size(number, (48, 64 + number))
    assert [m.pts for m in reader.take() if isinstance(m, SizeMessage)] == list(
        range(1, MAX_SIZES + 1)
    )


def test_only_so_many_origins_are_remembered(world: Hub) -> None:
    reader = world.hub.subscribe()
    reader.take()
    for number in range(MAX_ORIGINS + 1):
        world.hub.publish_origin(f"v{number}", number)
    world.hub.attach(reader, "v0")
    assert reader.take() == []
    world.hub.attach(reader, "v1")
    assert reader.take() == [OriginMessage(viewer="v1", rtp_origin=1)]


async def test_waiting_ends_with_a_mask_and_at_the_latest_with_the_states_turn(
    world: Hub,
) -> None:
    reader = world.hub.subscribe()
    reader.take()
    waiting = asyncio.create_task(reader.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    world.hub.publish_mask(world.mask(0))
    async with asyncio.timeout(30):
        await waiting
    reader.take()
    async with asyncio.timeout(30):
        await reader.wait()


def test_a_closed_hub_closes_present_and_later_readers(world: Hub) -> None:
    early = world.hub.subscribe()
    world.hub.close()
    assert early.is_closed
    assert world.hub.subscribe().is_closed


def test_a_reader_that_left_is_not_counted(world: Hub) -> None:
    reader = world.hub.subscribe()
    assert world.hub.readers == 1
    world.hub.unsubscribe(reader)
    world.hub.unsubscribe(reader)
    assert world.hub.readers == 0


def finding(number: int, revision: int = 1) -> Finding:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Finding(
        id=f"f{number}", revision=revision, track=number, first_seen_pts=0, first_seen_at=now,
        last_seen_pts=0, last_seen_at=now, seen_ms=160, largest_share=0.1, score=0.9,
    )  # fmt: skip


def found(subscription: MaskSubscription) -> list[FindingMessage | FindingsRemovedMessage]:
    kinds = FindingMessage | FindingsRemovedMessage
    return [message for message in subscription.take() if isinstance(message, kinds)]


def test_a_reader_gets_the_newest_of_each_finding_once(world: Hub) -> None:
    reader = world.hub.subscribe()
    world.hub.publish_finding(finding(1))
    world.hub.publish_finding(finding(2))
    world.hub.publish_finding(finding(1, revision=2))
    assert found(reader) == [
        FindingMessage(finding=finding(1, revision=2)), FindingMessage(finding=finding(2))
    ]  # fmt: skip
    assert found(reader) == []


def test_what_was_removed_is_told_before_what_is_new_and_is_not_told_itself(world: Hub) -> None:
    reader = world.hub.subscribe()
    world.hub.publish_finding(finding(1))
    world.hub.publish_removed(("f1",))
    world.hub.publish_finding(finding(2))
    assert found(reader) == [
        FindingsRemovedMessage(ids=("f1",)), FindingMessage(finding=finding(2))
    ]  # fmt: skip


def test_removals_that_nobody_reads_do_not_grow(world: Hub) -> None:
    reader = world.hub.subscribe()
    for number in range(2 * MAX_REMOVED):
        world.hub.publish_finding(finding(number))
        world.hub.publish_removed((f"f{number}",))
    [message] = found(reader)
    assert isinstance(message, FindingsRemovedMessage)
    assert len(message.ids) == MAX_REMOVED


async def test_a_finding_wakes_its_reader(world: Hub) -> None:
    reader = world.hub.subscribe()
    reader.take()
    waiting = asyncio.create_task(reader.wait())
    await asyncio.sleep(0)
    world.hub.publish_finding(finding(1))
    async with asyncio.timeout(30):
        await waiting
