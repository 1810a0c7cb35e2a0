"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq


class VirtualClock:
    """Implements `server.media.clock.Clock`; sleepers wake when `advance_to` reaches them."""

    def __init__(self, start_ns: int = 1_000_000_000) -> None:
        self._now_ns = start_ns
        self._order = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrival = asyncio.Event()

    def monotonic_ns(self) -> int:
        """The time at which the clock was set."""
        return self._now_ns

    async def sleep_until_ns(self, deadline_ns: int) -> None:
        """Wait until the clock is moved to `deadline_ns` or beyond; yields once in any case."""
        if deadline_ns <= self._now_ns:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (deadline_ns, self._order, future))
        self._arrival.set()
        await future

    async def next_deadline_ns(self, timeout_s: float = 5.0) -> int:
        """Wait (in real time, bounded) until somebody sleeps; the earliest deadline."""
        while not self._drop_cancelled():
            self._arrival.clear()
            await asyncio.wait_for(self._arrival.wait(), timeout_s)
        return self._sleepers[0][0]

    async def advance_to(self, now_ns: int) -> None:
        """Set the time and wake every sleeper whose deadline has come, in order."""
        self._now_ns = max(self._now_ns, now_ns)
        while self._drop_cancelled() and self._sleepers[0][0] <= self._now_ns:
            heapq.heappop(self._sleepers)[2].set_result(None)
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Move the time on by `seconds`."""
        await self.advance_to(self._now_ns + round(seconds * 1e9))

    def _drop_cancelled(self) -> bool:
        """Forget sleepers that were cancelled; whether any is left."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return bool(self._sleepers)
