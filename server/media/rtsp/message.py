"""RTSP messages on the wire (RFC 2326 sections 4 to 7 and 10.12), every length bounded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

MAX_LINE_BYTES = 8192
_MAX_HEADERS = 64
_MAX_BODY_BYTES = 256 * 1024
_INTERLEAVED = b"$"


class RtspSyntaxError(Exception):
    """The peer sent what is no RTSP, or more of it than anybody needs."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; header names are in lower case."""

    status: int
    reason: str
    headers: dict[str, list[str]]
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return the first value of a header, empty if there is none."""
        return self.headers.get(name, [""])[0]

    @property
    def cseq(self) -> int | None:
        """The number of the request that this answers; None if it tells none."""
        text = self.header("cseq").strip()
        return int(text) if text.isdecimal() and len(text) < 12 else None


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """A request of the server to us, to be answered."""

    method: str
    headers: dict[str, list[str]]

    def to_answer(self) -> bytes:
        """Return our answer: we are there, and can do nothing."""
        is_ping = self.method in ("OPTIONS", "GET_PARAMETER", "SET_PARAMETER")
        status = "200 OK" if is_ping else "501 Not Implemented"
        cseq = self.headers.get("cseq", ["0"])[0][:12]
        return f"RTSP/1.0 {status}\r\nCSeq: {cseq}\r\n\r\n".encode()


@dataclass(frozen=True, slots=True)
class Interleaved:
    """A packet of a channel, between the messages."""

    channel: int
    payload: bytes


def request_bytes(method: str, uri: str, headers: dict[str, str]) -> bytes:
    """Write a request without a body."""
    lines = [f"{method} {uri} RTSP/1.0", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def read_message(reader: asyncio.StreamReader) -> Response | ServerRequest | Interleaved:
    """Read whatever comes next.

    Raises:
        RtspSyntaxError: It is no RTSP, or too long.
        asyncio.IncompleteReadError: The connection ended.
    """
    first = await reader.readexactly(1)
    while first in b"\r\n":
        first = await reader.readexactly(1)
    if first == _INTERLEAVED:
        head = await reader.readexactly(3)
        return Interleaved(head[0], await reader.readexactly(head[1] << 8 | head[2]))
    start = (first + await _read_line(reader)).strip()
    headers = await _read_headers(reader)
    body = await _read_body(reader, headers)
    words = start.decode("utf-8", "replace").split(" ", 2)
    if words[0].startswith("RTSP/") and len(words) > 1 and words[1].isdecimal():
        return Response(int(words[1][:3]), words[2] if len(words) > 2 else "", headers, body)
    if words[-1].startswith("RTSP/") and words[0].isascii():
        return ServerRequest(words[0], headers)
    raise RtspSyntaxError("what came is no RTSP message")


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as exc:
        raise RtspSyntaxError("a line is too long") from exc
    if len(line) > MAX_LINE_BYTES:
        raise RtspSyntaxError("a line is too long")
    return line


async def _read_headers(reader: asyncio.StreamReader) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for _ in range(_MAX_HEADERS):
        line = (await _read_line(reader)).strip()
        if not line:
            return headers
        name, _, value = line.decode("utf-8", "replace").partition(":")
        headers.setdefault(name.strip().lower(), []).append(value.strip())
    raise RtspSyntaxError("a message has too many headers")


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, list[str]]) -> bytes:
    text = headers.get("content-length", ["0"])[0]
    if not text.isdecimal() or len(text) > 9 or int(text) > _MAX_BODY_BYTES:
        raise RtspSyntaxError("a message's length cannot be used")
    return await reader.readexactly(int(text))
