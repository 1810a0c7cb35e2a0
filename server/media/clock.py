"""Time as the media half sees it, so that tests can hold it in their hands."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock that can be waited on."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never go back; callable from any thread."""
        ...

    async def sleep_until_ns(self, deadline_ns: int) -> None:
        """Return once `monotonic_ns()` has reached `deadline_ns`."""
        ...


class SystemClock:
    """The machine's monotonic clock."""

    def monotonic_ns(self) -> int:
        """Return `time.monotonic_ns()`."""
        return time.monotonic_ns()

    async def sleep_until_ns(self, deadline_ns: int) -> None:
        """Sleep on the running event loop; yields once even if the deadline has passed."""
        await asyncio.sleep(max(0.0, (deadline_ns - time.monotonic_ns()) / 1e9))
