"""A TCP path that delays what passes, in order, as TCP does in a lossy network."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

Address = tuple[str, int]


class SlowStream:
    """Passes connections on to one target. Belongs to the event loop that opened it.

    Args:
        target: Where connections go.
        jitter_ms: Each piece of data is delayed by up to this; never past the one before it.
        seed: Of the delays.
    """

    def __init__(self, target: Address, jitter_ms: float, seed: int) -> None:
        self._target = target
        self._jitter_s = jitter_ms / 1000
        self._chance = random.Random(seed)  # noqa: S311
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> int:
        """Listen on loopback; returns the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def aclose(self) -> None:
        """End every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, near: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        async with _closing(answer):
            far, writer = await asyncio.open_connection(*self._target)
            async with _closing(writer):
                await asyncio.gather(
                    self._pump(near, writer, 0.0), self._pump(far, answer, self._jitter_s)
                )

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, jitter_s: float
    ) -> None:
        """Carry one direction; reading goes on while earlier pieces wait."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1000)
        loop = asyncio.get_running_loop()

        async def read() -> None:
            while piece := await reader.read(65536):
                await waiting.put((loop.time() + self._chance.random() * jitter_s, piece))
            await waiting.put((0.0, b""))

        reading = asyncio.ensure_future(read())
        try:
            with contextlib.suppress(OSError):
                while True:
                    due, piece = await waiting.get()
                    if not piece:
                        break
                    await asyncio.sleep(max(0.0, due - loop.time()))
                    writer.write(piece)
                    await writer.drain()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            # The other side is told that no more comes; the connection ends with both directions.
            writer.close()


@contextlib.asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
