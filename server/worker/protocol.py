"""What the service and a worker say to each other, over any byte stream (`channel`).

A frame is two big-endian 32-bit lengths, a JSON header and raw bytes:

    | header length | body length | header (UTF-8 JSON, `type` first) | body |

Only `step` has a body: the picture, uint8 RGB, rows first. docs/worker.md tells the order of
messages. `epoch` counts a session's resets; whoever sees an epoch older than the newest it knows
discards what carries it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Pixels = bytes | bytearray | memoryview
"""A picture's bytes; whoever is handed them reads them only."""

DropCause = Literal["deadline", "no_time", "replaced", "reset"]
"""`deadline`: it waited too long. `no_time`: it could not have been ready by its deadline."""


class _Message(BaseModel):
    """A frozen message without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StepTime(_Message):
    """How long steps of `batch` pictures took: the network's part, then the outlines' part."""

    batch: int
    step_ms: float
    step_p99_ms: float
    finish_ms: float


class Demand(_Message):
    """What being served well means: `fps` pictures a second, 99 of 100 within `within_ms`.

    `headroom` is the share of the time that stays free.
    """

    fps: float
    within_ms: int
    headroom: float


class Capacity(_Message):
    """How many sessions can be served well, and how that came about.

    `sessions` is 0 where not even one gets all its pictures; `fps_alone` is what one gets then.
    `batch` is the most pictures that are worth computing together. `is_memory_full` tells whether
    the steps were measured with the memory as full as it gets.
    """

    sessions: int
    batch: int
    fps_alone: float
    demand: Demand
    steps: tuple[StepTime, ...]
    is_memory_full: bool
    explanation: str


class Configure(_Message):
    """First message to a worker: which model to make. Answered by `hello` or `failed`.

    `measure_s` is the time to measure steps in; what an earlier worker found (`known_capacity`) is
    taken instead, so that a worker in place of a lost one is ready sooner.
    """

    type: Literal["configure"] = "configure"
    model: str
    weights: str
    device: str
    threads: int
    max_batch: int
    deadline_ms: int
    demand: Demand
    measure_s: float
    known_capacity: Capacity | None = None


class Open(_Message):
    """A session begins; its memory is empty."""

    type: Literal["open"] = "open"
    session: str
    epoch: int


class Step(_Message):
    """One picture of a session, `height * width * 3` bytes in the body.

    `age_ms` is its age when sent: both sides count on from there, each by its own clock.
    `is_left_out`: the picture is too poor to be remembered. `is_traced`: the result is to tell
    its times at the worker.
    `is_patient`: it has no deadline, and is computed when no other picture waits or is
    about to come.
    """

    type: Literal["step"] = "step"
    session: str
    epoch: int
    sequence: int
    height: int
    width: int
    age_ms: float
    pts: int = 0
    is_left_out: bool = False
    is_traced: bool = False
    is_patient: bool = False


class ReadMemory(_Message):
    """The session's next step is to tell what it reads from memory (`memory_read`).

    Frames are named by their `sequence`: `known` are those whose pictures are not wanted again,
    `maps` those of which is asked where in them the network looks.
    """

    type: Literal["read_memory"] = "read_memory"
    session: str
    epoch: int
    known: tuple[int, ...]
    maps: tuple[int, ...]


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
    pid: int


class Ready(_Message):
    """Warmed up: pictures are welcome, of as many sessions as `capacity` tells."""

    type: Literal["ready"] = "ready"
    warm_up_s: float
    capacity: Capacity


class Failed(_Message):
    """The worker cannot start, with one line why; it exits."""

    type: Literal["failed"] = "failed"
    message: str


class FoundPolyp(_Message):
    """One connected region: `box` is [x, y, width, height] in mask pixels.

    `solidity` is its share of its convex hull: 1 where nothing is ragged.
    """

    box: tuple[int, int, int, int]
    area_px: int
    score: float
    solidity: float = 1.0


class StepTrace(_Message):
    """When a picture's batch began, was computed and written, ms from the picture's arrival."""

    began_ms: float
    computed_ms: float
    finished_ms: float


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
    trace: StepTrace | None = None


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


class MemoryFrame(_Message):
    """A frame in memory and the share of attention it received; the shares sum to 1.

    `area` is the share of its picture that was masked. `map` is a byte for each cell, rows first:
    128 for an even share, 32 more for twice as much. `picture` is a small JPEG with the mask's
    outline. Both in Base64.
    """

    sequence: int
    pts: int
    share: float
    area: float
    map: str | None
    picture: str | None


class MemoryRead(_Message):
    """What the step of picture `sequence` read from memory, the oldest frame first.

    Without `is_told` the model does not tell. `map_size` is [height, width] in cells, None where
    the engine tells shares alone.
    """

    type: Literal["memory_read"] = "memory_read"
    session: str
    epoch: int
    sequence: int
    pts: int
    is_told: bool
    map_size: tuple[int, int] | None
    frames: tuple[MemoryFrame, ...]


class Pong(_Message):
    """I am, and I hold so much memory: of the machine, and of a GPU where there is one."""

    type: Literal["pong"] = "pong"
    nonce: int
    memory_bytes: int | None = None
    device_memory_bytes: int | None = None


ToWorker = Configure | Open | Step | ReadMemory | Reset | Close | Ping
FromWorker = Hello | Ready | Failed | Result | Dropped | StepFailed | MemoryRead | Pong

TO_WORKER: TypeAdapter[ToWorker] = TypeAdapter(Annotated[ToWorker, Field(discriminator="type")])
FROM_WORKER: TypeAdapter[FromWorker] = TypeAdapter(
    Annotated[FromWorker, Field(discriminator="type")]
)
