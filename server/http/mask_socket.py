"""The mask WebSocket: `GET /v1/sessions/{id}/masks`."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from server.errors import UnsupportedMessageError
from server.http.services import Services
from server.http.session_socket import serve_socket
from server.masks.hub import MaskSubscription
from server.masks.message import (
    MAX_TEXT_CHARACTERS,
    SUBPROTOCOL,
    AckMessage,
    AttachMessage,
    HelloMessage,
    ModelCard,
    RepairMessage,
    parse_client_message,
)
from server.session.session import Session
from server.worker.protocol import Hello

router = APIRouter()


@router.websocket("/v1/sessions/{session_id}/masks")
async def send_masks(websocket: WebSocket, session_id: str) -> None:
    """Send a session's states, masks, sizes and origins until one side ends it."""
    await serve_socket(websocket, session_id, SUBPROTOCOL, _serve)


async def _serve(websocket: WebSocket, session: Session, services: Services) -> None:
    """Send and receive side by side; return when the session ends."""
    subscription = session.hub.subscribe()
    tasks = [
        asyncio.create_task(_send(websocket, session, subscription, services)),
        asyncio.create_task(_receive(websocket, session, subscription)),
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


async def _send(
    websocket: WebSocket, session: Session, subscription: MaskSubscription, services: Services
) -> None:
    """Send what is due until the session ends; the hello again when the model becomes known."""
    hello: HelloMessage | None = None
    while not subscription.is_closed:
        current = session_hello(session, services)
        if current != hello:
            hello = current
            await websocket.send_text(hello.model_dump_json())
        for message in subscription.take():
            await websocket.send_text(message.model_dump_json())
        await subscription.wait()


async def _receive(websocket: WebSocket, session: Session, subscription: MaskSubscription) -> None:
    """Take acknowledgements, attachments and calls for repair until the client goes.

    Raises:
        WebSocketDisconnect: The client went.
        UnsupportedMessageError: The client sent what we cannot understand.
    """
    while True:
        event = await websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1005))
        text = event.get("text")
        if text is None:
            raise UnsupportedMessageError("the message is binary, not text")
        if len(text) > MAX_TEXT_CHARACTERS:
            raise UnsupportedMessageError("the message is too long")
        message = parse_client_message(text)
        if isinstance(message, AckMessage):
            subscription.acknowledge(message.sequence)
        elif isinstance(message, AttachMessage):
            session.hub.attach(subscription, message.viewer)
        elif isinstance(message, RepairMessage):
            session.peers.repair_viewer(message.viewer)


def session_hello(session: Session, services: Services) -> HelloMessage:
    """Introduce the session and, as far as it is known, the model."""
    return HelloMessage(
        session=session.identity.id,
        max_age_ms=services.settings.masks.max_age_ms,
        model=_model_card(services.worker.hello),
    )


def _model_card(hello: Hello | None) -> ModelCard | None:
    """Tell of the model what concerns clients."""
    if hello is None:
        return None
    return ModelCard(
        name=hello.name,
        profile=hello.profile,
        device=hello.device,
        threshold=hello.threshold,
        mask_size=hello.mask_size,
    )
