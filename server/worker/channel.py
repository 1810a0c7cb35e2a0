"""Messages over a socket, with the fewest copies of a picture: into the kernel and out of it.

asyncio's streams copy a picture three more times (into the write buffer, into the read buffer and
out of it), which costs three times the processor time of everything else here.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from itertools import islice
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from server.errors import UnsupportedMessageError
from server.worker.protocol import (
    FROM_WORKER,
    TO_WORKER,
    FromWorker,
    Pixels,
    ToWorker,
)

MAX_HEADER_BYTES = 1 << 20
MAX_BODY_BYTES = 1 << 24

_LENGTHS = struct.Struct("!II")
_BUFFERS_A_CALL = 64

_Message = TypeVar("_Message")


class MessageChannel:
    """One end of a conversation. Used from one event loop; `send` may be called by many tasks.

    Each `send` and `post` queues a whole frame at once, so frames never mix. The picture of a
    message is not copied: it must not change until it is sent.
    """

    def __init__(self, sock: socket.socket) -> None:
        """Take over a connected stream socket, in a running event loop."""
        sock.setblocking(False)
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._outgoing: deque[memoryview] = deque()
        self._is_flushed = asyncio.Event()
        self._is_flushed.set()
        self._is_broken = False
        self._receiving = asyncio.Lock()

    async def send(self, message: ToWorker | FromWorker, body: Pixels = b"") -> None:
        """Write one message and wait until the kernel has all of it.

        Raises:
            ConnectionError: The other end is gone.
        """
        self.post(message, body)
        await self._is_flushed.wait()
        if self._is_broken:
            raise ConnectionResetError("the other end is gone")

    def post(self, message: ToWorker | FromWorker, body: Pixels = b"") -> None:
        """Write one message without waiting: for the small and rare ones."""
        if self._is_broken:
            return
        header = message.model_dump_json().encode()
        pixels = memoryview(body).cast("B")
        self._outgoing.append(memoryview(_LENGTHS.pack(len(header), len(pixels)) + header))
        if pixels:
            self._outgoing.append(pixels)
        if self._is_flushed.is_set():
            self._is_flushed.clear()
            self._flush()

    async def receive_by_worker(self) -> tuple[ToWorker, bytearray] | None:
        """Return the next message to a worker and its body; None at the end of the stream.

        The body is the caller's own: nobody writes into it any more.

        Raises:
            UnsupportedMessageError: The bytes are no message; the stream is unusable from here on.
        """
        return await self._receive(TO_WORKER, "the worker was sent no message of its protocol")

    async def receive_by_service(self) -> FromWorker | None:
        """Return the next message of a worker; None at the end of the stream.

        Raises:
            UnsupportedMessageError: The bytes are no message; the stream is unusable from here on.
        """
        received = await self._receive(FROM_WORKER, "the worker sent no message of its protocol")
        return None if received is None else received[0]

    async def aclose(self) -> None:
        """Close the socket; the other end sees the end, and so does who still receives here."""
        self._break()
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:  # the other end closed first, or this one was closed before
            self._sock.close()
            return
        async with self._receiving:
            self._sock.close()

    async def _receive(
        self, adapter: TypeAdapter[_Message], complaint: str
    ) -> tuple[_Message, bytearray] | None:
        """Read one frame; a stream that ends, even within a frame, gives None."""
        async with self._receiving:
            try:
                header_length, body_length = _LENGTHS.unpack(await self._read(_LENGTHS.size))
                if header_length > MAX_HEADER_BYTES or body_length > MAX_BODY_BYTES:
                    raise UnsupportedMessageError("a frame of the worker protocol is too long")
                header = await self._read(header_length)
                body = await self._read(body_length)
            except (EOFError, OSError):
                return None
        try:
            return adapter.validate_json(header), body
        except ValidationError as exc:
            raise UnsupportedMessageError(complaint) from exc

    async def _read(self, length: int) -> bytearray:
        """Read exactly `length` bytes into their final place."""
        content = bytearray(length)
        rest = memoryview(content)
        while rest:
            read = await self._loop.sock_recv_into(self._sock, rest)
            if read == 0:
                raise EOFError
            rest = rest[read:]
        return content

    def _flush(self) -> None:
        """Give the kernel what it takes; come back when it takes more."""
        try:
            while self._outgoing:
                self._forget(self._sock.sendmsg(list(islice(self._outgoing, _BUFFERS_A_CALL))))
        except BlockingIOError:
            self._loop.add_writer(self._sock, self._flush)
        except OSError:
            self._break()
        else:
            self._loop.remove_writer(self._sock)
            self._is_flushed.set()

    def _forget(self, sent: int) -> None:
        """Take what was sent out of the queue."""
        while sent:
            first = self._outgoing.popleft()
            if sent < len(first):
                self._outgoing.appendleft(first[sent:])
                return
            sent -= len(first)

    def _break(self) -> None:
        """Send nothing more."""
        self._is_broken = True
        self._outgoing.clear()
        if self._sock.fileno() >= 0:
            self._loop.remove_writer(self._sock)
        self._is_flushed.set()
