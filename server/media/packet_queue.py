"""The bounded queue in front of a decoder: late means on with the next keyframe, not slower."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from server.media.frame import SourcePacket, StreamFormat


@dataclass(frozen=True, slots=True)
class Restart:
    """What follows does not continue what came before.

    Attributes:
        format: How the packets that follow are coded.
        reason: Why, for people; None at the very beginning.
        is_end: Nothing follows.
        is_same_picture: It lies in the frame where it lay before, as when a file starts again.
    """

    format: StreamFormat
    reason: str | None
    is_same_picture: bool = False
    is_end: bool = False


_MAX_BYTES = 64 << 20
"""Room for a dozen raw 1080p pictures; coded ones do not come near it."""


class PacketQueue:
    """Packets and restarts in order, from the event loop to the decoder thread.

    Holds at most `limit` packets, and 64 MiB of them. One more empties it, and packets are dropped
    until the next keyframe, because nothing before it could be decoded. Restarts are never dropped.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ready = threading.Condition()
        self._items: deque[SourcePacket | Restart] = deque()
        self._packets = 0
        self._bytes = 0
        self._wait_for_keyframe = True
        self._is_closed = False
        self._drops = 0

    @property
    def drops(self) -> int:
        """Packets dropped because the decoder was late, or before the first keyframe."""
        return self._drops

    @property
    def packets(self) -> int:
        """Packets that wait."""
        return self._packets

    def put_packet(self, packet: SourcePacket) -> bool:
        """Add a packet; False if it was dropped for want of a keyframe."""
        with self._ready:
            if self._packets >= self._limit or self._bytes > _MAX_BYTES:
                self._drops += self._packets
                self._items = deque(item for item in self._items if isinstance(item, Restart))
                self._packets = self._bytes = 0
                self._wait_for_keyframe = True
            if self._wait_for_keyframe and not packet.is_keyframe:
                self._drops += 1
                return False
            self._wait_for_keyframe = False
            self._items.append(packet)
            self._packets += 1
            self._bytes += len(packet.payload)
            self._ready.notify()
            return True

    def put_restart(self, restart: Restart) -> None:
        """Add a restart; the packet after it must be a keyframe."""
        with self._ready:
            self._wait_for_keyframe = True
            self._items.append(restart)
            self._ready.notify()

    def get(self) -> SourcePacket | Restart | None:
        """Wait for the next item; None once closed. Blocks: for the decoder thread."""
        with self._ready:
            self._ready.wait_for(lambda: self._items or self._is_closed)
            if self._is_closed:
                return None
            item = self._items.popleft()
            if isinstance(item, SourcePacket):
                self._packets -= 1
                self._bytes -= len(item.payload)
            return item

    def close(self) -> None:
        """Throw everything away and end `get`."""
        with self._ready:
            self._is_closed = True
            self._items.clear()
            self._packets = self._bytes = 0
            self._ready.notify_all()
