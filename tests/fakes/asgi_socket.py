"""A WebSocket client that talks to an ASGI application on the test's own event loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Message


class SocketClosedError(Exception):
    """The application closed the WebSocket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class AsgiSocket:
    """One open WebSocket; made by `open_socket`."""

    def __init__(self) -> None:
        self.to_app: asyncio.Queue[Message] = asyncio.Queue()
        self.from_app: asyncio.Queue[Message] = asyncio.Queue()
        self.subprotocol: str | None = None

    async def receive(self) -> dict[str, Any]:
        """Return the next JSON message.

        Raises:
            SocketClosedError: There is none; the application closed.
        """
        async with asyncio.timeout(30):
            message = await self.from_app.get()
        if message["type"] == "websocket.close":
            raise SocketClosedError(message["code"], message.get("reason", ""))
        content: dict[str, Any] = json.loads(message["text"])
        return content

    async def receive_type(self, kind: str) -> dict[str, Any]:
        """Return the next message of this type, leaving out others."""
        while (message := await self.receive())["type"] != kind:
            continue
        return message

    def send(self, **content: Any) -> None:
        self.send_text(json.dumps(content))

    def send_text(self, text: str) -> None:
        self.to_app.put_nowait({"type": "websocket.receive", "text": text})

    def send_bytes(self, content: bytes) -> None:
        self.to_app.put_nowait({"type": "websocket.receive", "bytes": content})


@asynccontextmanager
async def open_socket(
    app: ASGIApp,
    path: str,
    *,
    subprotocols: tuple[str, ...] = ("sali.masks.v1",),
    headers: dict[str, str] | None = None,
) -> AsyncIterator[AsgiSocket]:
    """Connect; the application has accepted when the body runs."""
    socket = AsgiSocket()
    given = {"host": "127.0.0.1:8000", **(headers or {})}
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        "subprotocols": list(subprotocols),
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
        "extensions": {},
    }
    socket.to_app.put_nowait({"type": "websocket.connect"})
    running = asyncio.create_task(app(scope, socket.to_app.get, socket.from_app.put))  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(30):
            accepted = await socket.from_app.get()
        assert accepted["type"] == "websocket.accept"
        socket.subprotocol = accepted["subprotocol"]
        yield socket
    finally:
        socket.to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
        async with asyncio.timeout(30):
            await running
