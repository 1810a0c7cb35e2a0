"""Hands every coded packet to every viewer; a viewer that cannot follow loses packets, counted.

Everything here belongs to the session's event loop.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable

from server.media.frame import CLOCK_RATE_HZ, CodedPacket

_QUEUE_PACKETS = 60
_CACHE_PACKETS = 300
_CACHE_BYTES = 8 << 20
_SHORT_GROUP = CLOCK_RATE_HZ * 3 // 10
_KEYFRAME_REQUEST_INTERVAL_NS = 500_000_000
_REPAIR_INTERVAL_NS = 1_000_000_000
_REPAIR_BYTES = 4 << 20


class RelayClosedError(Exception):
    """The relay or the subscription was closed; no packet will come any more."""


class PacketSubscription:
    """One viewer's bounded queue of packets.

    It always starts at a keyframe. When the reader falls `limit` packets behind, everything that
    waits is dropped and reading goes on at the next keyframe.
    """

    def __init__(
        self, relay: Relay, backlog: list[CodedPacket], limit: int, drop_cause: str
    ) -> None:
        self._relay = relay
        self._drop_cause = drop_cause
        self._repaired_at_ns: int | None = None
        self._queue: deque[CodedPacket] = deque(backlog)
        self._limit = len(backlog) + limit
        self._wait_for_keyframe = not backlog
        self._wake = asyncio.Event()
        self._is_read = False
        self._is_closed = False
        self.drops = 0
        if backlog:
            self._wake.set()

    @property
    def waiting(self) -> int:
        """Packets that could be read at once."""
        return len(self._queue)

    @property
    def drop_cause(self) -> str:
        """Under which name this reader's losses are counted."""
        return self._drop_cause

    def request_repair(self) -> None:
        """Answer the reader's report of a lost picture.

        A fresh keyframe where the origin can make one; else the group of pictures so far is sent
        again, with its own times. The decoder mends; a browser runs through these pictures in a
        moment, and each is still known by its own pts.
        """
        self._relay.repair(self)

    def replay(self, group: list[CodedPacket], now_ns: int) -> None:
        """Read `group` instead of what waits, at most once a second. For the relay only."""
        last_ns = self._repaired_at_ns
        if not group or (last_ns is not None and now_ns - last_ns < _REPAIR_INTERVAL_NS):
            return
        self._repaired_at_ns = now_ns
        self._queue = deque(group)
        self._limit = len(group) + _QUEUE_PACKETS
        self._wait_for_keyframe = False
        self._wake.set()

    async def get(self) -> CodedPacket:
        """Return the next packet.

        Raises:
            RelayClosedError: The subscription or its relay was closed.
        """
        while not self._queue:
            if self._is_closed:
                raise RelayClosedError("the relay was closed")
            self._wake.clear()
            self._is_read = True
            try:
                await self._wake.wait()
            finally:
                self._is_read = False
        if self._is_closed:
            raise RelayClosedError("the relay was closed")
        return self._queue.popleft()

    def close(self) -> None:
        """Leave the relay; a waiting `get` raises. Closing twice is harmless."""
        self._is_closed = True
        self._queue.clear()
        self._wake.set()
        self._relay.remove(self)

    def offer(self, packet: CodedPacket) -> None:
        """Take a packet, or drop what waits. For the relay only."""
        if len(self._queue) >= self._limit:
            self.drops += len(self._queue)
            self._queue.clear()
            self._limit = _QUEUE_PACKETS
            self._wait_for_keyframe = True
        if self._wait_for_keyframe and not packet.is_keyframe:
            self.drops += 1
            return
        self._wait_for_keyframe = False
        self._queue.append(packet)
        self._wake.set()

    def restart(self) -> None:
        """Read on at the next keyframe: what comes next does not continue what waits."""
        self._wait_for_keyframe = True

    @property
    def needs_keyframe(self) -> bool:
        """Whether nothing will be read until the next keyframe."""
        return self._wait_for_keyframe

    @property
    def is_kept_waiting(self) -> bool:
        """Whether somebody reads right now and gets nothing for want of a keyframe.

        A reader that hangs needs a keyframe too, but must not make the origin send one after the
        other at everybody's expense.
        """
        return self._wait_for_keyframe and self._is_read


class Relay:
    """Fans packets out and keeps the current group of pictures for those who join.

    Args:
        on_readers: Called with the number of open subscriptions whenever it changes, so that what
            makes the packets can rest while nobody reads them.
    """

    def __init__(self, on_readers: Callable[[int], None] | None = None) -> None:
        self._on_readers = on_readers
        self._keyframe_request: Callable[[], None] | None = None
        self._subscriptions: set[PacketSubscription] = set()
        self._group: list[CodedPacket] = []
        self._group_bytes = 0
        self._now_ns = 0
        self._requested_at_ns: int | None = None
        self._dropped_by_gone: Counter[str] = Counter()
        self._last_pts = -1
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether no packet will come any more."""
        return self._is_closed

    @property
    def viewers(self) -> int:
        """Subscriptions that are open."""
        return len(self._subscriptions)

    @property
    def drops(self) -> dict[str, int]:
        """Packets dropped for readers, present and past, that were late or waited to start.

        By the cause each reader gave when it subscribed.
        """
        total = Counter(self._dropped_by_gone)
        for subscription in self._subscriptions:
            total[subscription.drop_cause] += subscription.drops
        return {"relay": 0, **total}

    @property
    def last_pts(self) -> int:
        """The pts of the newest packet, -1 before the first."""
        return self._last_pts

    def publish(self, packet: CodedPacket) -> None:
        """Give `packet`, in presentation order, to every subscription."""
        if self._is_closed:
            return
        self._last_pts = packet.pts
        self._now_ns = packet.captured_at_ns
        self._remember(packet)
        missing = False
        for subscription in list(self._subscriptions):
            subscription.offer(packet)
            missing = missing or subscription.is_kept_waiting
        if missing:
            self.request_keyframe()

    def subscribe(self, drop_cause: str = "relay") -> PacketSubscription:
        """Join: the current group of pictures first, or from the next keyframe on.

        Args:
            drop_cause: Under which name this reader's losses are counted.

        Raises:
            RelayClosedError: The relay was closed.
        """
        if self._is_closed:
            raise RelayClosedError("the relay was closed")
        subscription = PacketSubscription(self, list(self._group), _QUEUE_PACKETS, drop_cause)
        self._subscriptions.add(subscription)
        self._tell_readers()
        if subscription.needs_keyframe:
            self.request_keyframe()
        return subscription

    def set_keyframe_request(self, callback: Callable[[], None] | None) -> None:
        """Say how the origin of the packets is asked for a keyframe; None if it cannot make one.

        If it can, a group of pictures longer than 0.3 s is not kept: a fresh keyframe serves a
        joiner better than many old pictures.
        """
        self._keyframe_request = callback
        self._requested_at_ns = None

    def request_keyframe(self) -> bool:
        """Ask the origin for a keyframe, at most twice a second; whether it can make one."""
        if self._keyframe_request is None:
            return False
        last = self._requested_at_ns
        if last is None or self._now_ns - last >= _KEYFRAME_REQUEST_INTERVAL_NS:
            self._requested_at_ns = self._now_ns
            self._keyframe_request()
        return True

    def repair(self, subscription: PacketSubscription) -> None:
        """Help a reader that lost a picture. For `PacketSubscription.request_repair`."""
        if not self.request_keyframe() and self._group_bytes <= _REPAIR_BYTES:
            subscription.replay(self._group, self._now_ns)

    def restart(self) -> None:
        """Forget the group of pictures: the next packets do not continue the last ones."""
        self._forget()
        for subscription in self._subscriptions:
            subscription.restart()

    def remove(self, subscription: PacketSubscription) -> None:
        """Forget a subscription that was closed. For `PacketSubscription.close`."""
        if subscription in self._subscriptions:
            self._subscriptions.discard(subscription)
            self._dropped_by_gone[subscription.drop_cause] += subscription.drops
            self._tell_readers()

    def close(self) -> None:
        """End every subscription and refuse new ones."""
        self._is_closed = True
        for subscription in list(self._subscriptions):
            subscription.close()
        self._forget()

    def _remember(self, packet: CodedPacket) -> None:
        """Keep the group of pictures, as long as sending it to a joiner is worth it."""
        if packet.is_keyframe:
            self._forget()
        elif not self._group:
            return
        self._group.append(packet)
        self._group_bytes += len(packet.payload)
        span = packet.pts - self._group[0].pts
        if (
            len(self._group) > _CACHE_PACKETS
            or self._group_bytes > _CACHE_BYTES
            or (self._keyframe_request is not None and span > _SHORT_GROUP)
        ):
            self._forget()

    def _tell_readers(self) -> None:
        if self._on_readers is not None:
            self._on_readers(len(self._subscriptions))

    def _forget(self) -> None:
        self._group = []
        self._group_bytes = 0
