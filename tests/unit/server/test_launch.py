from __future__ import annotations

import asyncio
import socket

import pytest

from server.errors import ConfigurationError
from server.launch import listen_on
from server.settings import ListenSettings


def test_accepted_connections_send_small_messages_at_once() -> None:
    async def accept_one() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            accepted.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with listen_on(ListenSettings(host="127.0.0.1", port=0)) as bound:
            async with await asyncio.start_server(take, sock=bound):
                _, writer = await asyncio.open_connection(*bound.getsockname())
                async with asyncio.timeout(10):
                    is_set = await accepted
                writer.close()
                await writer.wait_closed()
                return is_set

    assert asyncio.run(accept_one()) != 0


def test_an_address_in_use_is_told_with_its_cure() -> None:
    with listen_on(ListenSettings(host="127.0.0.1", port=0)) as bound:
        port = bound.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}.*--port"):
            listen_on(ListenSettings(host="127.0.0.1", port=port))
