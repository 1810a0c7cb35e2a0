from __future__ import annotations

import asyncio

import pytest

from server.burn_in.mask_gate import MaskGate
from server.masks.hub import MaskHub
from server.masks.message import AiStateName
from tests.fakes.virtual_clock import VirtualClock
from tests.unit.server.burn_in.conftest import mask_of, state_of


async def test_a_picture_waits_for_its_own_mask(clock: VirtualClock, hub: MaskHub) -> None:
    gate = MaskGate(hub, clock, 150)
    waiting = asyncio.create_task(gate.mask_for(7200, 0))
    await clock.next_deadline_ns()
    hub.publish_mask(mask_of(3600))
    await asyncio.sleep(0)
    assert not waiting.done()
    hub.publish_mask(mask_of(7200))
    found = await asyncio.wait_for(waiting, 5)
    assert found is not None
    assert found.pts == 7200


async def test_a_mask_that_came_first_is_kept(clock: VirtualClock, hub: MaskHub) -> None:
    gate = MaskGate(hub, clock, 150)
    for pts in (3600, 7200):
        hub.publish_mask(mask_of(pts))
    found = [await gate.mask_for(pts, 0) for pts in (3600, 7200)]
    assert [mask and mask.pts for mask in found] == [3600, 7200]


async def test_after_the_bound_a_picture_goes_without(clock: VirtualClock, hub: MaskHub) -> None:
    gate = MaskGate(hub, clock, 150)
    waiting = asyncio.create_task(gate.mask_for(3600, 0))
    assert await clock.next_deadline_ns() == 150_000_000
    await clock.advance_to(150_000_000)
    assert await asyncio.wait_for(waiting, 5) is None


async def test_the_bound_counts_from_the_arrival_of_the_picture(
    clock: VirtualClock, hub: MaskHub
) -> None:
    gate = MaskGate(hub, clock, 150)
    await clock.advance_to(200_000_000)
    assert await asyncio.wait_for(gate.mask_for(3600, 0), 5) is None


async def test_a_later_pictures_mask_ends_the_wait(clock: VirtualClock, hub: MaskHub) -> None:
    gate = MaskGate(hub, clock, 150)
    waiting = asyncio.create_task(gate.mask_for(3600, 0))
    await clock.next_deadline_ns()
    hub.publish_mask(mask_of(7200))
    assert await asyncio.wait_for(waiting, 5) is None
    found = await gate.mask_for(7200, 0)
    assert found is not None


@pytest.mark.parametrize("ai_state", ["warming", "paused", "failed"])
async def test_while_the_ai_does_not_work_nothing_waits(
    clock: VirtualClock, hub: MaskHub, ai_state: AiStateName
) -> None:
    hub.publish_state(state_of(ai_state))
    gate = MaskGate(hub, clock, 150)
    assert await asyncio.wait_for(gate.mask_for(3600, 0), 5) is None


async def test_masks_that_nobody_asks_for_do_not_pile_up(clock: VirtualClock, hub: MaskHub) -> None:
    gate = MaskGate(hub, clock, 0)
    for number in range(200):
        hub.publish_mask(mask_of(number * 3600))
    found = [await gate.mask_for(number * 3600, 0) for number in range(200)]
    assert sum(mask is not None for mask in found) == 64
    gate.close()
    hub.publish_mask(mask_of(200 * 3600))
    assert await gate.mask_for(200 * 3600, 0) is None


async def test_a_picture_is_overdue_50_ms_after_its_bound(
    clock: VirtualClock, hub: MaskHub
) -> None:
    gate = MaskGate(hub, clock, 150)
    await clock.advance_to(300_000_000)
    assert not gate.is_overdue(100_000_000)
    assert gate.is_overdue(99_999_999)
