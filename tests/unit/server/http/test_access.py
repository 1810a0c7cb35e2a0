from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest

from tests.fakes.asgi_socket import SocketClosedError, open_socket
from tests.unit.server.http.conftest import Builder, Service

TOKEN = "a-long-secret-token"  # noqa: S105 - of this test only
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def guarded(build: Builder) -> Service:
    return build(auth={"token": TOKEN})


@pytest.mark.parametrize(
    "path", ["/v1/sessions", "/v1/sessions/nobody", "/v1/openapi.json", "/v1/nothing", "/v1"]
)
@pytest.mark.hazard("H15")
async def test_with_a_token_set_everything_under_v1_asks_for_it(
    guarded: Service, path: str
) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Basic {TOKEN}"}):
        answer = await guarded.client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"] == "unauthorized"
        assert TOKEN not in answer.text
    assert (await guarded.client.get(path, headers=BEARER)).status_code != 401


async def test_a_token_in_the_address_is_not_read(guarded: Service) -> None:
    answer = await guarded.client.get(f"/v1/sessions?token={TOKEN}&access_token={TOKEN}")
    assert answer.status_code == 401


async def test_health_and_page_need_no_token(guarded: Service) -> None:
    assert (await guarded.client.get("/livez")).status_code == 200
    assert (await guarded.client.get("/metrics")).status_code == 200
    assert (await guarded.client.get("/")).status_code == 503


async def test_a_socket_without_the_token_is_closed_with_4401(guarded: Service) -> None:
    for subprotocols in (("sali.masks.v1",), ("sali.masks.v1", "sali.token.d3Jvbmc")):
        async with open_socket(
            guarded.app, "/v1/sessions/nobody/masks", subprotocols=subprotocols
        ) as socket:
            with pytest.raises(SocketClosedError) as closed:
                await socket.receive()
            assert closed.value.code == 4401


async def sockets_with_token(guarded: Service) -> AsyncIterator[int]:
    """Close codes of an unknown session's socket, for each way to give the token."""
    coded = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
    for subprotocols, headers in (
        (("sali.masks.v1", f"sali.token.{coded}"), {}),
        (("sali.masks.v1",), BEARER),
    ):
        async with open_socket(
            guarded.app, "/v1/sessions/nobody/masks", subprotocols=subprotocols, headers=headers
        ) as socket:
            assert socket.subprotocol == "sali.masks.v1"
            with pytest.raises(SocketClosedError) as closed:
                await socket.receive()
            yield closed.value.code


async def test_a_socket_brings_its_token_as_header_or_subprotocol(guarded: Service) -> None:
    assert [code async for code in sockets_with_token(guarded)] == [4404, 4404]


@pytest.mark.hazard("H15")
async def test_a_foreign_page_is_refused(service: Service) -> None:
    foreign = {"origin": "http://evil.example"}
    for method, path in (("GET", "/v1/sessions"), ("POST", "/v1/sessions"), ("GET", "/")):
        answer = await service.client.request(method, path, headers=foreign)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_origin")
    async with open_socket(service.app, "/v1/sessions/x/masks", headers=foreign) as socket:
        with pytest.raises(SocketClosedError) as closed:
            await socket.receive()
        assert closed.value.code == 4403


async def test_a_foreign_name_is_refused(service: Service) -> None:
    answer = await service.client.get("/v1/sessions", headers={"host": "evil.example:8000"})
    assert answer.status_code == 403


async def test_our_own_page_passes(service: Service) -> None:
    own = {"origin": "http://127.0.0.1:8000"}
    assert (await service.client.get("/v1/sessions", headers=own)).status_code == 200


async def test_a_long_body_that_hides_its_length_is_refused(service: Service) -> None:
    session_id = await service.create("whip")

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 10_000

    answer = await service.client.post(
        f"/v1/sessions/{session_id}/whip",
        content=chunks(),
        headers={"content-type": "application/sdp"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")


async def test_what_is_refused_is_counted_by_its_cause(guarded: Service) -> None:
    await guarded.client.get("/v1/sessions")
    await guarded.client.get("/v1/sessions", headers=BEARER)
    await guarded.client.get("/v1/sessions", headers={**BEARER, "origin": "http://elsewhere"})
    lines = (await guarded.client.get("/metrics")).text.splitlines()
    assert 'sali_requests_refused_total{code="unauthorized"} 1.0' in lines
    assert 'sali_requests_refused_total{code="forbidden_origin"} 1.0' in lines
    assert TOKEN not in "".join(lines)
