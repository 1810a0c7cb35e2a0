"""How every WebSocket of a session begins and ends: subprotocol, session, reason of the close."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

from server.errors import ServiceError, UnsupportedMessageError
from server.http.services import Services, services_of
from server.session.session import Session

_SESSION_ENDED = 4410

Serve = Callable[[WebSocket, Session, Services], Awaitable[None]]


async def serve_socket(
    websocket: WebSocket, session_id: str, subprotocol: str, serve: Serve
) -> None:
    """Accept a client, serve it until one side ends it, and tell why it was closed.

    Args:
        websocket: Not accepted yet.
        session_id: Of the session it asks for.
        subprotocol: The only one that is spoken; a client that offers none gets it unnamed.
        serve: Returns when the session ends.
    """
    services = services_of(websocket)
    offered: list[str] = websocket.scope.get("subprotocols", [])
    is_offered = subprotocol in offered
    await websocket.accept(subprotocol=subprotocol if is_offered else None)
    try:
        if offered and not is_offered:
            raise UnsupportedMessageError(f"this endpoint speaks {subprotocol}")
        await serve(websocket, services.registry.get(session_id), services)
    except ServiceError as exc:
        await _close(websocket, exc.ws_close_code, exc.code)
    except WebSocketDisconnect:
        return
    else:
        await _close(websocket, _SESSION_ENDED, "session_ended")


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    """Close; a client that went first is no error."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await websocket.close(code, reason)
