"""Reads a session's masks as a program does (docs/protocol.md)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from server.masks.message import SUBPROTOCOL


@dataclass(frozen=True)
class MaskArrival:
    """One mask message.

    Attributes:
        sequence: Number of the decoded picture.
        pts: Session clock, 90 kHz ticks.
        captured_ns: Monotonic time at which the picture arrived at the service.
        arrived_ns: Monotonic time at which its mask arrived here.
    """

    sequence: int
    pts: int
    captured_ns: int
    arrived_ns: int

    @property
    def delay_ms(self) -> float:
        """From the picture's arrival at the service to its mask's arrival here."""
        return (self.arrived_ns - self.captured_ns) / 1e6


async def read_masks(service_url: str, session: str, take: Callable[[MaskArrival], bool]) -> None:
    """Read masks, acknowledging each, until `take` returns False or the session ends.

    Args:
        service_url: Of a service on this machine, whose monotonic clock is ours.
        session: The session's id.
        take: Called with each mask; whether more are wanted.
    """
    url = f"ws{service_url.removeprefix('http')}/v1/sessions/{session}/masks"
    subprotocols = [Subprotocol(SUBPROTOCOL)]
    async with connect(url, subprotocols=subprotocols, compression=None, proxy=None) as socket:
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                message = json.loads(text)
                if message["type"] != "mask":
                    continue
                sequence, captured_ns = message["sequence"], message["captured_at_ns"]
                arrival = MaskArrival(sequence, message["pts"], captured_ns, time.monotonic_ns())
                await socket.send(json.dumps({"type": "ack", "sequence": sequence}))
                if not take(arrival):
                    return


class MaskLog:
    """Reads a session's masks in a thread of its own, from its making to `close`."""

    def __init__(self, service_url: str, session: str) -> None:
        self.masks: list[MaskArrival] = []
        self._loop = asyncio.new_event_loop()
        self._reading = self._loop.create_task(read_masks(service_url, session, self._take))
        self._thread = threading.Thread(target=self._run, name="bench-masks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read no more."""
        # The loop is closed already if the session has ended.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._reading.cancel)
        self._thread.join()

    def _take(self, arrival: MaskArrival) -> bool:
        self.masks.append(arrival)
        return True

    def _run(self) -> None:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._reading)
        finally:
            self._loop.close()
