"""The gate in front of every request: whose page, under which name, with which token, how big."""

from __future__ import annotations

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import RequestTooLargeError, ServiceError, UnauthorizedError
from server.http.problem import problem_of
from server.masks.message import FRAMES_SUBPROTOCOL, SUBPROTOCOL
from server.observability.metrics import ServiceMetrics
from server.security.origin import require_own_host, require_own_origin
from server.security.token import (
    is_token_right,
    token_from_authorization,
    token_from_subprotocols,
)
from server.settings import LiveSettings

MAX_BODY_BYTES = 256 * 1024
"""Room for the largest SDP offer a browser makes, several times over."""

_log = structlog.get_logger(__name__)


class AccessGate:
    """ASGI middleware; refuses with a problem document, or by closing the WebSocket."""

    def __init__(self, app: ASGIApp, *, live: LiveSettings, metrics: ServiceMetrics) -> None:
        """Stand in front of `app`; token and names are those that hold at each request."""
        self._app = app
        self._metrics = metrics
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except ServiceError as exc:
            _log.warning("request_refused", code=exc.code)
            self._metrics.requests_refused.labels(exc.code).inc()
            if scope["type"] == "websocket":
                await _close(scope, receive, send, exc)
            else:
                await problem_of(exc)(scope, receive, send)
            return
        await self._app(scope, _limited(receive), send)

    def _check(self, scope: Scope) -> None:
        """Raise what speaks against the request."""
        headers = Headers(scope=scope)
        settings = self._live.current
        token = settings.auth.token
        require_own_host(headers.get("host"), settings.listen)
        require_own_origin(headers.get("origin"), headers.get("host"))
        path: str = scope["path"]
        if token is not None and (path == "/v1" or path.startswith("/v1/")):
            given = token_from_authorization(headers.get("authorization"))
            if given is None and scope["type"] == "websocket":
                given = token_from_subprotocols(scope.get("subprotocols", []))
            if not is_token_right(given, token):
                raise UnauthorizedError("this service needs its token: Authorization: Bearer ...")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            raise RequestTooLargeError(f"a body may have {MAX_BODY_BYTES} bytes")


def _limited(receive: Receive) -> Receive:
    """Count a body that did not tell its length."""
    received = 0

    async def receive_some() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise RequestTooLargeError(f"a body may have {MAX_BODY_BYTES} bytes")
        return message

    return receive_some


async def _close(scope: Scope, receive: Receive, send: Send, error: ServiceError) -> None:
    """Accept and close: a browser learns the close code of an accepted WebSocket only."""
    await receive()
    offered = scope.get("subprotocols", [])
    ours = (name for name in (SUBPROTOCOL, FRAMES_SUBPROTOCOL) if name in offered)
    accepted = next(ours, None)
    await send({"type": "websocket.accept", "subprotocol": accepted, "headers": []})
    await send({"type": "websocket.close", "code": error.ws_close_code, "reason": error.code})
