from __future__ import annotations

import base64

from tests.fakes.asgi_socket import open_socket
from tests.unit.server.http.conftest import Builder, Service
from tests.unit.server.http.test_mask_socket import close_code

_PROTOCOL = "sali.frames.v1"


async def test_an_unknown_session_closes_with_4404(service: Service) -> None:
    path = "/v1/sessions/nobody/frames"
    async with open_socket(service.app, path, subprotocols=(_PROTOCOL,)) as socket:
        assert socket.subprotocol == _PROTOCOL
        assert await close_code(socket) == 4404


async def test_a_session_with_another_source_closes_with_4422(service: Service) -> None:
    path = f"/v1/sessions/{await service.create()}/frames"
    async with open_socket(service.app, path, subprotocols=(_PROTOCOL,)) as socket:
        assert await close_code(socket) == 4422


async def test_another_subprotocol_closes_with_1002(service: Service) -> None:
    path = f"/v1/sessions/{await service.create('frames')}/frames"
    async with open_socket(service.app, path) as socket:
        assert socket.subprotocol is None
        assert await close_code(socket) == 1002


async def test_a_token_is_needed_and_may_be_a_subprotocol(build: Builder) -> None:
    service = build(auth={"token": "secret-token"})
    path = "/v1/sessions/nobody/frames"
    async with open_socket(service.app, path, subprotocols=(_PROTOCOL,)) as socket:
        assert socket.subprotocol == _PROTOCOL
        assert await close_code(socket) == 4401
    coded = base64.urlsafe_b64encode(b"secret-token").decode().rstrip("=")
    given = (_PROTOCOL, f"sali.token.{coded}")
    async with open_socket(service.app, path, subprotocols=given) as socket:
        assert await close_code(socket) == 4404
