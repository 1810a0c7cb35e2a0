"""What a session sends besides its clean video: the burned stream, and pushes of either."""

from __future__ import annotations

import asyncio

from server.burn_in.stream import BurnedStream
from server.media.clock import Clock
from server.media.push import PushOutput, PushStatus
from server.media.push_target import PushTarget
from server.media.relay import Relay


class SessionOutputs:
    """Owner of a session's burned stream and of its pushes. Belongs to the session's event loop.

    Args:
        clean: The source's own packets.
        burned: The same with masks drawn; made only while somebody wants it.
        targets: Where to push.
        clock: Waits between connections.
    """

    def __init__(
        self, clean: Relay, burned: BurnedStream, targets: tuple[PushTarget, ...], clock: Clock
    ) -> None:
        self._burned = burned
        self._pushes = [
            PushOutput(burned.relay if target.overlay == "burned" else clean, target, clock=clock)
            for target in targets
        ]

    @property
    def drops(self) -> dict[str, int]:
        """What is not in the burned stream or did not reach its readers, by cause."""
        return self._burned.drops

    @property
    def pushes(self) -> list[PushStatus]:
        """Where each push stands."""
        return [push.status for push in self._pushes]

    def start(self) -> None:
        """Begin to push."""
        for push in self._pushes:
            push.start()

    async def aclose(self) -> None:
        """End the pushes, then the burned stream."""
        await asyncio.gather(*(push.aclose() for push in self._pushes))
        await self._burned.aclose()
