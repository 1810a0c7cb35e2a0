"""The frame WebSocket: `GET /v1/sessions/{id}/frames`; pictures in, their masks out."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from server.errors import UnsupportedMessageError
from server.http.mask_socket import session_hello
from server.http.services import Services
from server.http.session_socket import serve_socket
from server.masks.hub import MaskSubscription
from server.masks.message import (
    FRAMES_SUBPROTOCOL,
    MAX_TEXT_CHARACTERS,
    FrameMessage,
    FramesHelloMessage,
    MaskMessage,
    StateMessage,
    parse_frame_message,
)
from server.media.container import MAX_PICTURE
from server.media.picture_header import MAX_PICTURE_FILE_BYTES
from server.session.frame_exchange import MAX_IN_FLIGHT, FrameExchange, PushedFrame
from server.session.session import Session

router = APIRouter()


@dataclass(frozen=True)
class _Connection:
    """What one program's connection consists of."""

    websocket: WebSocket
    session: Session
    subscription: MaskSubscription
    exchange: FrameExchange
    has_room: asyncio.Event


@router.websocket("/v1/sessions/{session_id}/frames")
async def take_frames(websocket: WebSocket, session_id: str) -> None:
    """Take a program's frames and send their masks until one side ends it."""
    await serve_socket(websocket, session_id, FRAMES_SUBPROTOCOL, _serve)


async def _serve(websocket: WebSocket, session: Session, services: Services) -> None:
    """Send and receive side by side; return when the session ends."""
    feed = session.peers.attach_frames()
    with contextlib.closing(feed):
        subscription = session.hub.subscribe()
        exchange = FrameExchange(feed.push, session.now_ns)
        connection = _Connection(websocket, session, subscription, exchange, asyncio.Event())
        tasks = [
            asyncio.create_task(_send(connection, services)),
            asyncio.create_task(_receive(connection)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            session.hub.unsubscribe(subscription)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _send(connection: _Connection, services: Services) -> None:
    """Send states and answers until the session ends."""
    websocket, subscription = connection.websocket, connection.subscription
    hello: FramesHelloMessage | None = None
    while not subscription.is_closed:
        current = _hello(connection.session, services)
        if current != hello:
            hello = current
            await websocket.send_text(hello.model_dump_json())
        for message in subscription.take():
            if isinstance(message, MaskMessage):
                subscription.acknowledge(message.sequence)
                connection.exchange.note_mask(message)
            elif isinstance(message, StateMessage):
                await websocket.send_text(message.model_dump_json())
        connection.exchange.expire()
        for answer in connection.exchange.take():
            await websocket.send_text(answer.model_dump_json())
        connection.has_room.set()
        await subscription.wait()


async def _receive(connection: _Connection) -> None:
    """Take frames until the program goes.

    Raises:
        WebSocketDisconnect: The program went.
        UnsupportedMessageError: It sent what we cannot understand.
    """
    number = 0
    told: FrameMessage | None = None
    while True:
        event = await connection.websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1005))
        text, picture = event.get("text"), event.get("bytes")
        if text is not None:
            if len(text) > MAX_TEXT_CHARACTERS:
                raise UnsupportedMessageError("the text message is too long")
            told = parse_frame_message(text) or told
            continue
        ticks = told.pts if told is not None else None
        frame_id = told.id if told is not None and told.id is not None else number
        number, told = frame_id + 1, None
        connection.exchange.offer(PushedFrame(frame_id, picture or b"", ticks))
        connection.subscription.wake()
        while connection.exchange.is_full:
            connection.has_room.clear()
            await connection.has_room.wait()


def _hello(session: Session, services: Services) -> FramesHelloMessage:
    """Introduce the session, the model and the limits."""
    hello = session_hello(session, services)
    return FramesHelloMessage(
        session=hello.session,
        max_age_ms=hello.max_age_ms,
        model=hello.model,
        max_in_flight=MAX_IN_FLIGHT,
        max_bytes=MAX_PICTURE_FILE_BYTES,
        max_size=(MAX_PICTURE[1], MAX_PICTURE[0]),
    )
