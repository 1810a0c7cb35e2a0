"""Waits for the mask of one picture, and for no other's."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from server.masks.hub import MaskHub, MaskRecord
from server.media.clock import Clock

_MOST_MASKS = 64
_NS_PER_MS = 1_000_000
_OVERDUE_NS = 50 * _NS_PER_MS
_STATES_WITH_MASKS = frozenset({"active", "late"})


class MaskGate:
    """Gives each picture its own mask, if that comes in time. Belongs to the event loop.

    A picture is not held when its mask cannot come any more: the AI does not work, or a later
    picture's mask is there already, as masks come in the order of their pictures.

    Args:
        hub: Where the masks of the session come from.
        clock: The clock that stamped the pictures.
        wait_ms: Greatest age up to which a picture is held.
    """

    def __init__(self, hub: MaskHub, clock: Clock, wait_ms: int) -> None:
        self._hub = hub
        self._clock = clock
        self._wait_ns = wait_ms * _NS_PER_MS
        self._masks: OrderedDict[int, MaskRecord] = OrderedDict()
        self._newest_pts = -1
        self._arrived = asyncio.Event()
        hub.add_listener(self._take)

    def close(self) -> None:
        """Take no more masks."""
        self._hub.remove_listener(self._take)

    async def mask_for(self, pts: int, captured_at_ns: int) -> MaskRecord | None:
        """Return the mask of the picture `pts`, or None when it is of no use to wait longer."""
        deadline_ns = captured_at_ns + self._wait_ns
        while True:
            mask = self._masks.pop(pts, None)
            if mask is not None:
                return mask
            if not self._may_come(pts) or self._clock.monotonic_ns() >= deadline_ns:
                return None
            self._arrived.clear()
            await self._arrival(deadline_ns)

    def is_overdue(self, captured_at_ns: int) -> bool:
        """Whether a picture has waited well beyond its bound: a newer one is worth more."""
        return self._clock.monotonic_ns() > captured_at_ns + self._wait_ns + _OVERDUE_NS

    def _may_come(self, pts: int) -> bool:
        return self._hub.state.ai_state in _STATES_WITH_MASKS and self._newest_pts < pts

    async def _arrival(self, deadline_ns: int) -> None:
        """Return at the next mask, at the latest at the deadline."""
        waits = {
            asyncio.create_task(self._arrived.wait()),
            asyncio.create_task(self._clock.sleep_until_ns(deadline_ns)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _take(self, mask: MaskRecord) -> None:
        self._newest_pts = max(self._newest_pts, mask.pts)
        self._masks[mask.pts] = mask
        if len(self._masks) > _MOST_MASKS:
            self._masks.popitem(last=False)
        self._arrived.set()
