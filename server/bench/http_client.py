"""One HTTP request to the service under test; blocks."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from urllib.parse import urlsplit

_TIMEOUT_S = 20


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


def request(url: str, method: str = "GET", body: bytes | None = None, kind: str = "") -> Reply:
    """Send one request on a connection of its own; proxies of the environment are not asked.

    Raises:
        OSError: Nobody answers.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, target, body, {"Content-Type": kind} if kind else {})
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, headers, answer.read())
    except http.client.HTTPException as exc:
        raise OSError(f"{url}: {type(exc).__name__}") from exc
    finally:
        connection.close()
