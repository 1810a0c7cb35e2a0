"""Reads a session's masks as a program does (docs/protocol.md)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from websockets.asyncio.client import connect
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
    async with connect(
        url, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None, proxy=None
    ) as socket:
        async for text in socket:
            message = json.loads(text)
            if message["type"] != "mask":
                continue
            arrival = MaskArrival(
                message["sequence"], message["pts"], message["captured_at_ns"], time.monotonic_ns()
            )
            await socket.send(json.dumps({"type": "ack", "sequence": arrival.sequence}))
            if not take(arrival):
                return
