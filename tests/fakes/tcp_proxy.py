"""A cable that can be pulled: passes TCP on, until it is told to swallow everything."""

from __future__ import annotations

import asyncio
import contextlib


class TcpProxy:
    """Listens on 127.0.0.1; while `pull`ed it forwards nothing and closes nothing.

    New connections are taken and left without an answer, as by a host whose answers are lost.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = 0
        self._has_link = asyncio.Event()
        self._has_link.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> TcpProxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    def pull(self) -> None:
        """Lose every byte from now on; what was under way stays unanswered."""
        self._has_link.clear()

    def plug(self) -> None:
        """Pass bytes on again. Old connections go on where they were, as TCP sends again."""
        self._has_link.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        far_writer: asyncio.StreamWriter | None = None
        try:
            await self._has_link.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            there = asyncio.create_task(self._pass_on(reader, far_writer))
            back = asyncio.create_task(self._pass_on(far_reader, writer))
            try:
                await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                there.cancel()
                back.cancel()
                await asyncio.wait({there, back})
        except OSError:
            return
        finally:
            self._tasks.discard(task)
            writer.close()
            if far_writer is not None:
                far_writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while content := await reader.read(65536):
                await self._has_link.wait()
                writer.write(content)
                await writer.drain()
