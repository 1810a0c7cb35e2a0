from __future__ import annotations

import asyncio
import socket

from aioice import stun

from server.checks.network import check_address, check_ice_servers, check_media_addresses
from server.settings import IceServer, ListenSettings


class StunServer(asyncio.DatagramProtocol):
    """Answers binding requests, and refuses every relay with one code."""

    def __init__(self, refusal: int = 401) -> None:
        self._refusal = refusal

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = stun.parse_message(data)
        is_binding = request.message_method == stun.Method.BINDING
        answer = stun.Message(
            message_method=request.message_method,
            message_class=stun.Class.RESPONSE if is_binding else stun.Class.ERROR,
            transaction_id=request.transaction_id,
        )
        if is_binding:
            answer.attributes["XOR-MAPPED-ADDRESS"] = addr
        else:
            answer.attributes["ERROR-CODE"] = (self._refusal, "no")
        self._transport.sendto(bytes(answer), addr)


async def _check(url: str, server: StunServer | None = None, **login: str) -> tuple[str, str, str]:
    """Check one server, run here on a port of its own if one is given."""
    loop = asyncio.get_running_loop()
    transport = None
    if server is not None:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: server, local_addr=("127.0.0.1", 0)
        )
        url = url.format(port=transport.get_extra_info("sockname")[1])
    (finding,) = await check_ice_servers([IceServer(url=url, **login)])
    if transport is not None:
        transport.close()
    return finding.status, finding.detail, finding.cure


async def test_no_servers_are_fine_on_one_network() -> None:
    (finding,) = await check_ice_servers([])
    assert finding.status == "ok"


async def test_a_stun_server_that_answers_is_fine() -> None:
    status, detail, _ = await _check("stun:127.0.0.1:{port}", StunServer())
    assert status == "ok"
    assert "127.0.0.1:" in detail


async def test_a_relay_with_another_password_is_wrong_and_says_so() -> None:
    status, detail, cure = await _check(
        "turn:127.0.0.1:{port}", StunServer(), username="sali", credential="secret-word"
    )
    assert (status, "401" in detail) == ("wrong", True)
    assert "credential" in cure
    assert "secret-word" not in detail + cure


async def test_a_relay_that_has_no_room_is_wrong() -> None:
    status, detail, cure = await _check(
        "turn:127.0.0.1:{port}", StunServer(508), username="sali", credential="word"
    )
    assert (status, "508" in detail, "log" in cure) == ("wrong", True, True)


async def test_a_server_that_is_not_there_is_wrong() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    status, _, cure = await _check(f"stun:127.0.0.1:{port}")
    assert (status, "firewalls" in cure) == ("wrong", True)


def test_an_address_in_use_is_wrong() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = ListenSettings(port=taken.getsockname()[1])
        assert check_address(listen).status == "wrong"
    assert check_address(listen).status == "ok"


def test_the_addresses_offered_to_peers_are_told() -> None:
    assert check_media_addresses().status in ("ok", "note")
