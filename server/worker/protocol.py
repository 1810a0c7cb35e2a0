"""What the service and a worker say to each other, over any byte stream.

A frame is two big-endian 32-bit lengths, a JSON header and raw bytes:

    | header length | body length | header (UTF-8 JSON, `type` first) | body |

Only `step` has a body: the picture, uint8 RGB, rows first. docs/worker.md tells the order of
messages. `epoch` counts a session's resets; whoever sees an epoch older than the newest it knows
discards what carries it.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from server.errors import UnsupportedMessageError

MAX_HEADER_BYTES = 1 << 20
MAX_BODY_BYTES = 1 << 24

_LENGTHS = struct.Struct("!II")

DropCause = Literal["deadline", "replaced", "reset"]


class _Message(BaseModel):
    """A frozen message without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Configure(_Message):
    """First message to a worker: which model to make. Answered by `hello` or `failed`."""

    type: Literal["configure"] = "configure"
    model: str
    weights: str
    device: str
    threads: int
    max_batch: int
    deadline_ms: int


class Open(_Message):
    """A session begins; its memory is empty."""

    type: Literal["open"] = "open"
    session: str
    epoch: int


class Step(_Message):
    """One picture of a session, `height * width * 3` bytes in the body.

    `age_ms` is its age when sent: both sides count on from there, each by its own clock.
    """

    type: Literal["step"] = "step"
    session: str
    epoch: int
    sequence: int
    height: int
    width: int
    age_ms: float


class Reset(_Message):
    """The session's memory is to be emptied; `epoch` is the one that begins."""

    type: Literal["reset"] = "reset"
    session: str
    epoch: int


class Close(_Message):
    """The session is over."""

    type: Literal["close"] = "close"
    session: str


class Ping(_Message):
    """Are you there?"""

    type: Literal["ping"] = "ping"
    nonce: int


class Hello(_Message):
    """The weights are loaded; warming up begins. `mask_size` is [height, width]."""

    type: Literal["hello"] = "hello"
    name: str
    profile: str
    device: str
    engine: str
    threshold: float
    mask_size: tuple[int, int]
    capacity: int
    pid: int


class Ready(_Message):
    """Warmed up: pictures are welcome."""

    type: Literal["ready"] = "ready"
    warm_up_s: float


class Failed(_Message):
    """The worker cannot start, with one line why; it exits."""

    type: Literal["failed"] = "failed"
    message: str


class FoundPolyp(_Message):
    """One connected region: `box` is [x, y, width, height] in mask pixels."""

    box: tuple[int, int, int, int]
    area_px: int
    score: float


class Result(_Message):
    """The mask of one picture, as run lengths (`server.masks.rle`); `size` is [height, width]."""

    type: Literal["result"] = "result"
    session: str
    epoch: int
    sequence: int
    size: tuple[int, int]
    counts: str
    polyps: tuple[FoundPolyp, ...]
    step_ms: float
    batch: int


class Dropped(_Message):
    """A picture that was not computed, on purpose."""

    type: Literal["dropped"] = "dropped"
    session: str
    epoch: int
    sequence: int
    cause: DropCause


class StepFailed(_Message):
    """The network failed on a picture; the session's memory was emptied."""

    type: Literal["step_failed"] = "step_failed"
    session: str
    epoch: int
    sequence: int
    message: str


class Pong(_Message):
    """I am."""

    type: Literal["pong"] = "pong"
    nonce: int


ToWorker = Configure | Open | Step | Reset | Close | Ping
FromWorker = Hello | Ready | Failed | Result | Dropped | StepFailed | Pong

_TO_WORKER: TypeAdapter[ToWorker] = TypeAdapter(Annotated[ToWorker, Field(discriminator="type")])
_FROM_WORKER: TypeAdapter[FromWorker] = TypeAdapter(
    Annotated[FromWorker, Field(discriminator="type")]
)


class MessageChannel:
    """Messages over one byte stream. Used from one event loop; `send` may be called by many tasks.

    Each `send` writes a whole frame before it waits, so frames never mix.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take over both directions of a stream."""
        self._reader = reader
        self._writer = writer

    async def send(self, message: ToWorker | FromWorker, body: bytes = b"") -> None:
        """Write one message and wait until the stream has room again.

        Raises:
            ConnectionError: The other end is gone.
        """
        self.post(message, body)
        await self._writer.drain()

    def post(self, message: ToWorker | FromWorker, body: bytes = b"") -> None:
        """Write one message without waiting: for the small and rare ones."""
        header = message.model_dump_json().encode()
        self._writer.write(_LENGTHS.pack(len(header), len(body)) + header)
        if body:
            self._writer.write(body)

    async def receive_by_worker(self) -> tuple[ToWorker, bytes] | None:
        """Return the next message to a worker and its body; None at the end of the stream.

        Raises:
            UnsupportedMessageError: The bytes are no message; the stream is unusable from here on.
        """
        frame = await self._receive_frame()
        if frame is None:
            return None
        try:
            return _TO_WORKER.validate_json(frame[0]), frame[1]
        except ValidationError as exc:
            raise UnsupportedMessageError("the worker was sent no message of its protocol") from exc

    async def receive_by_service(self) -> FromWorker | None:
        """Return the next message of a worker; None at the end of the stream.

        Raises:
            UnsupportedMessageError: The bytes are no message; the stream is unusable from here on.
        """
        frame = await self._receive_frame()
        if frame is None:
            return None
        try:
            return _FROM_WORKER.validate_json(frame[0])
        except ValidationError as exc:
            raise UnsupportedMessageError("the worker sent no message of its protocol") from exc

    async def _receive_frame(self) -> tuple[bytes, bytes] | None:
        """Read one frame; a stream that ends, even within a frame, gives None."""
        try:
            lengths = await self._reader.readexactly(_LENGTHS.size)
            header_length, body_length = _LENGTHS.unpack(lengths)
            if header_length > MAX_HEADER_BYTES or body_length > MAX_BODY_BYTES:
                raise UnsupportedMessageError("a frame of the worker protocol is too long")
            header = await self._reader.readexactly(header_length)
            return header, await self._reader.readexactly(body_length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def aclose(self) -> None:
        """Close the stream; the other end sees its end."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return
