from __future__ import annotations

import asyncio
import time

import pytest

from server.worker.protocol import Hello
from tests.fakes.asgi_socket import AsgiSocket, SocketClosedError, open_socket
from tests.fakes.fake_media import RTP_ORIGIN
from tests.unit.server.http.conftest import Service


async def close_code(socket: AsgiSocket) -> int:
    """Read until the end; return its code."""
    try:
        while True:
            await socket.receive()
    except SocketClosedError as closed:
        return closed.code


def masks_path(session_id: str) -> str:
    return f"/v1/sessions/{session_id}/masks"


async def test_hello_comes_first_and_then_the_state(service: Service) -> None:
    session_id = await service.create()
    async with open_socket(service.app, masks_path(session_id)) as socket:
        assert socket.subprotocol == "sali.masks.v1"
        assert await socket.receive() == {
            "type": "hello",
            "protocol": "sali.masks.v1",
            "session": session_id,
            "max_age_ms": 250,
            "model": None,
            "notice": "Not a medical device.",
        }
        assert await socket.receive() == {
            "type": "state",
            "ai_state": "warming",
            "ai_reason": "starting the AI",
            "source_state": "connecting",
            "source_reason": "",
            "source_retry": None,
            "view": "unknown",
            "view_poor": None,
            "view_instrument": False,
        }


async def test_hello_comes_again_when_the_model_is_known(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await service.create()
    async with open_socket(service.app, masks_path(session_id)) as socket:
        await socket.receive_type("state")
        known = Hello(
            name="small-demo",
            profile="small",
            device="cpu",
            engine="eager",
            threshold=0.5,
            mask_size=(352, 352),
            pid=1,
        )
        monkeypatch.setattr(type(service.services.worker), "hello", property(lambda _: known))
        hello = await socket.receive_type("hello")
        assert hello["model"] == {
            "name": "small-demo",
            "profile": "small",
            "device": "cpu",
            "threshold": 0.5,
            "mask_size": [352, 352],
        }


async def test_the_state_is_repeated_at_least_every_100_ms(service: Service) -> None:
    session_id = await service.create()
    pauses = 0

    async def pause() -> None:
        nonlocal pauses
        while True:
            await asyncio.sleep(0.1)
            pauses += 1

    async with open_socket(service.app, masks_path(session_id)) as socket:
        await socket.receive_type("state")
        began = time.monotonic()
        # A busy machine lengthens these pauses of 100 ms as well.
        pausing = asyncio.create_task(pause())
        for _ in range(4):
            await socket.receive_type("state")
        pausing.cancel()
        assert time.monotonic() - began > 0.3
        assert pauses <= 8


async def test_a_change_of_state_is_told_at_once(service: Service) -> None:
    session_id = await service.create()
    async with open_socket(service.app, masks_path(session_id)) as socket:
        await socket.receive_type("state")
        service.media.pipelines[0].play()
        state = await socket.receive_type("state")
        assert state["source_state"] == "playing"


async def test_an_attached_viewers_origin_is_sent(service: Service) -> None:
    session_id = await service.create()
    service.media.pipelines[0].play()
    async with open_socket(service.app, masks_path(session_id)) as socket:
        socket.send(type="attach", viewer="v7")
        await asyncio.sleep(0.01)
        service.media.viewers[0].connect("v7")
        assert await socket.receive_type("origin") == {
            "type": "origin",
            "viewer": "v7",
            "rtp_origin": RTP_ORIGIN,
        }


async def test_the_pictures_size_is_told_to_readers_at_once_and_to_those_who_come(
    service: Service,
) -> None:
    session_id = await service.create()
    async with open_socket(service.app, masks_path(session_id)) as socket:
        await socket.receive_type("state")
        service.media.pipelines[0].events.on_size(7200, 640, 480)
        told = {"type": "size", "pts": 7200, "source_size": [480, 640]}
        assert await socket.receive_type("size") == told
        async with open_socket(service.app, masks_path(session_id)) as later:
            assert await later.receive_type("size") == told


@pytest.mark.hazard("H18")
async def test_a_call_for_repair_reaches_that_viewer_and_an_unknown_one_does_no_harm(
    service: Service,
) -> None:
    session_id = await service.create()
    service.media.pipelines[0].play()
    session = service.services.registry.get(session_id)
    viewers = [(await session.peers.add_viewer("offer"))[0] for _ in range(2)]
    async with open_socket(service.app, masks_path(session_id)) as socket:
        socket.send(type="repair", viewer="v0123456789abcdef")
        socket.send(type="repair", viewer=viewers[1])
        async with asyncio.timeout(30):
            while not service.media.viewers[0].repaired:  # noqa: ASYNC110 - a list
                await asyncio.sleep(0.005)
        assert service.media.viewers[0].repaired == [viewers[1]]


async def test_unknown_types_are_ignored(service: Service) -> None:
    session_id = await service.create()
    async with open_socket(service.app, masks_path(session_id)) as socket:
        socket.send(type="wave")
        socket.send(type="ack", sequence=99)
        for _ in range(3):
            await socket.receive_type("state")


async def test_what_cannot_be_understood_closes_with_1002(service: Service) -> None:
    session_id = await service.create()
    async with open_socket(service.app, masks_path(session_id)) as socket:
        socket.send_text("hello")
        assert await close_code(socket) == 1002
    async with open_socket(service.app, masks_path(session_id)) as socket:
        socket.send_bytes(b"hello")
        assert await close_code(socket) == 1002


async def test_an_unknown_session_closes_with_4404(service: Service) -> None:
    async with open_socket(service.app, masks_path("nobody")) as socket:
        assert await close_code(socket) == 4404


async def test_an_ended_session_closes_with_4410(service: Service) -> None:
    session_id = await service.create()
    async with open_socket(service.app, masks_path(session_id)) as socket:
        await socket.receive_type("state")
        await service.client.delete(f"/v1/sessions/{session_id}")
        assert await close_code(socket) == 4410


async def test_another_subprotocol_closes_with_1002_and_none_is_welcome(service: Service) -> None:
    session_id = await service.create()
    async with open_socket(
        service.app, masks_path(session_id), subprotocols=("other.v9",)
    ) as socket:
        assert socket.subprotocol is None
        assert await close_code(socket) == 1002
    async with open_socket(service.app, masks_path(session_id), subprotocols=()) as socket:
        assert (await socket.receive())["type"] == "hello"


async def test_a_reader_that_left_is_forgotten(service: Service) -> None:
    session_id = await service.create()
    hub = service.services.registry.get(session_id).hub
    async with open_socket(service.app, masks_path(session_id)) as socket:
        await socket.receive()
        assert hub.readers == 1
    assert hub.readers == 0
