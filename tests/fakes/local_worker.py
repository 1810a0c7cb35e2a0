"""The worker's loop in this process, at the other end of a socket pair."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from server.worker.channel import MessageChannel
from server.worker.main import Worker


@asynccontextmanager
async def worker_running(
    timeout_s: float = 60,
) -> AsyncIterator[tuple[MessageChannel, asyncio.Task[int]]]:
    """A worker's loop and the service's end of its stream."""
    ours, theirs = socket.socketpair()
    channel = MessageChannel(ours)
    worker_channel = MessageChannel(theirs)
    with ThreadPoolExecutor(1) as executor:
        running = asyncio.create_task(Worker(worker_channel, executor).run())
        try:
            async with asyncio.timeout(timeout_s):
                yield channel, running
        finally:
            await channel.aclose()
            await asyncio.wait({running}, timeout=30)
            await worker_channel.aclose()
