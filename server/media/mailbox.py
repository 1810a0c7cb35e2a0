"""A box for one item: a newer item replaces the one that waits."""

from __future__ import annotations

import asyncio
import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class MailboxClosedError(Exception):
    """The mailbox was closed; nothing will come any more."""


class Mailbox(Generic[Item]):
    """Holds the newest item only, so that a slow reader always gets fresh work.

    `put`, `discard` and `close` may be called from any thread; `get` belongs to one coroutine at a
    time on one event loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._item: Item | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False
        self._drops = 0

    @property
    def drops(self) -> int:
        """Items that nobody took: replaced by a newer one, or discarded."""
        return self._drops

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def put(self, item: Item) -> None:
        """Leave `item`, replacing (and counting) the one that waits. Ignored after `close`."""
        with self._lock:
            if self._closed:
                return
            if self._item is not None:
                self._drops += 1
            self._item = item
            self._wake()

    def discard(self) -> None:
        """Throw away (and count) the waiting item, if any."""
        with self._lock:
            if self._item is not None:
                self._drops += 1
            self._item = None

    async def get(self) -> Item:
        """Take the newest item, waiting for one if there is none.

        Raises:
            MailboxClosedError: The mailbox is closed.
        """
        while True:
            with self._lock:
                if self._closed:
                    raise MailboxClosedError("the mailbox is closed")
                if self._item is not None:
                    item, self._item = self._item, None
                    return item
                self._waiter = waiter = asyncio.get_running_loop().create_future()
            await waiter

    def close(self) -> None:
        """Refuse further items and wake the reader with `MailboxClosedError`."""
        with self._lock:
            self._closed = True
            self._item = None
            self._wake()

    def _wake(self) -> None:
        """Let the waiting `get` look again; the lock is held."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.get_loop().is_closed():
            waiter.get_loop().call_soon_threadsafe(_resolve, waiter)


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
