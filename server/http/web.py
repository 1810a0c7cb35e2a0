"""The viewer's files at `/`, or a page that says how to build them."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; worker-src 'self'; img-src 'self' data: blob:; "
        b"media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
        b"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        b"form-action 'self'; object-src 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)

_HASHED = (b"cache-control", b"public, max-age=31536000, immutable")
_ASK_AGAIN = (b"cache-control", b"no-cache")

_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>SALI Live</title></head>
<body style="font-family: sans-serif; background: #111; color: #ddd; padding: 3rem">
<h1>SALI Live runs, its viewer is not built</h1>
<p>Build it with <code>make web</code> (it needs Node 20 or newer) and start the service again.</p>
<p>The interface for programs is here already: <a style="color: #8cf" href="/v1/sessions">sessions
</a>.</p>
<p>Not a medical device.</p>
</body></html>
"""


class SecurityHeaders:
    """ASGI middleware: tells the browser to keep the page to itself, and not to keep it."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand in front of `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to every HTTP answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), *_SECURITY_HEADERS]
                if all(name != b"cache-control" for name, _ in headers):
                    headers.append(_HASHED if scope["path"].startswith("/assets/") else _ASK_AGAIN)
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def is_viewer_built(directory: Path) -> bool:
    """Whether the built viewer lies there."""
    return (directory / "index.html").is_file()


def mount_viewer(app: FastAPI, directory: Path) -> None:
    """Serve the viewer at `/`; add it after every other route."""
    if is_viewer_built(directory):
        app.mount("/", StaticFiles(directory=directory, html=True), name="viewer")
        return

    @app.get("/", include_in_schema=False)
    async def _not_built() -> Response:
        return HTMLResponse(_NOT_BUILT, status_code=503)
