"""The messages of the mask WebSocket, as docs/protocol.md writes them.

The field names are the JSON keys. The viewer's TypeScript union has the same names; a test keeps
the two in step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.errors import UnsupportedMessageError

SUBPROTOCOL: Final = "sali.masks.v1"
FRAMES_SUBPROTOCOL: Final = "sali.frames.v1"
MAX_TEXT_CHARACTERS = 16 * 1024
"""Longest text message of a client, several times over."""
NOTICE = "Not a medical device."

AiStateName = Literal["warming", "active", "late", "paused", "failed"]
ViewName = Literal[
    "unknown", "in_body", "out_of_body", "no_signal", "frozen", "blank", "bars", "other_imaging"
]
PoorName = Literal["blur", "dark", "washed_out"]
SourceStateName = Literal["connecting", "playing", "stalled", "reconnecting", "ended", "failed"]


class _Message(BaseModel):
    """A frozen message."""

    model_config = ConfigDict(frozen=True)


class ModelCard(_Message):
    """What computes the masks; `mask_size` is [height, width]."""

    name: str
    profile: str
    device: str
    threshold: float
    mask_size: tuple[int, int]


class HelloMessage(_Message):
    """First message on a connection. `model` is null until a worker has loaded it."""

    type: Literal["hello"] = "hello"
    protocol: Literal["sali.masks.v1"] = SUBPROTOCOL
    session: str
    max_age_ms: int
    model: ModelCard | None
    notice: str = NOTICE


class OriginMessage(_Message):
    """The RTP timestamp that stands for pts 0 on one viewer's connection."""

    type: Literal["origin"] = "origin"
    viewer: str
    rtp_origin: int = Field(ge=0, lt=2**32)


class SizeMessage(_Message):
    """Pictures from `pts` on have this size, [height, width], as viewers get them."""

    type: Literal["size"] = "size"
    pts: int
    source_size: tuple[int, int]


class RunLengths(_Message):
    """A mask: `size` is [height, width], `counts` as `server.masks.rle` writes it."""

    size: tuple[int, int]
    counts: str


class Polyp(_Message):
    """One connected region: `box` is [x, y, width, height] in source pixels.

    `track` names it through time; `confirmed` tells that it was found for long enough.
    """

    box: tuple[float, float, float, float]
    area_px: int
    score: float
    track: int = 0
    confirmed: bool = False


class MaskMessage(_Message):
    """The mask of one frame; `confirmed_rle` of its confirmed polyps alone, null if that is all."""

    type: Literal["mask"] = "mask"
    sequence: int
    pts: int
    captured_at_ns: int
    age_ms: float
    source_size: tuple[int, int]
    region: tuple[int, int, int, int]
    rle: RunLengths
    confirmed_rle: RunLengths | None = None
    polyps: tuple[Polyp, ...]
    ai_state: AiStateName
    latency_p95_ms: float | None


class RetryFacts(_Message):
    """The attempt to connect a source that is under way (`in_s` 0) or comes in so many seconds."""

    attempt: int = Field(ge=1)
    in_s: int = Field(ge=0)


class StateMessage(_Message):
    """What the AI and the source do right now."""

    type: Literal["state"] = "state"
    ai_state: AiStateName
    ai_reason: str
    source_state: SourceStateName
    source_reason: str
    source_retry: RetryFacts | None = None
    view: ViewName = "unknown"
    view_poor: PoorName | None = None
    view_instrument: bool = False


class FramesHelloMessage(_Message):
    """First message on a frame connection; `max_size` is [height, width] of a picture."""

    type: Literal["hello"] = "hello"
    protocol: Literal["sali.frames.v1"] = FRAMES_SUBPROTOCOL
    session: str
    max_age_ms: int
    model: ModelCard | None
    max_in_flight: int
    max_bytes: int
    max_size: tuple[int, int]
    notice: str = NOTICE


class FrameMaskMessage(MaskMessage):
    """The mask of a pushed frame."""

    id: int


class DroppedMessage(_Message):
    """A pushed frame that gets no mask."""

    type: Literal["dropped"] = "dropped"
    id: int
    cause: str
    detail: str = ""


class FrameMessage(_Message):
    """What a program tells of the picture it sends next."""

    type: Literal["frame"]
    id: int | None = Field(default=None, ge=0, lt=2**53)
    pts: int | None = Field(default=None, ge=0, lt=2**53)


class AttachMessage(_Message):
    """A client asks for the RTP origin of one WHEP viewer."""

    type: Literal["attach"]
    viewer: str = Field(min_length=1, max_length=64)


class RepairMessage(_Message):
    """A client sees spoiled pictures on one WHEP viewer's connection and wants a keyframe."""

    type: Literal["repair"]
    viewer: str = Field(min_length=1, max_length=64)


class AckMessage(_Message):
    """A client has taken the mask of this sequence, and all before it."""

    type: Literal["ack"]
    sequence: int = Field(ge=0)


ServerMessage = HelloMessage | OriginMessage | SizeMessage | MaskMessage | StateMessage
ClientMessage = AttachMessage | RepairMessage | AckMessage

_CLIENT_MODELS: dict[str, type[ClientMessage]] = {
    "attach": AttachMessage,
    "repair": RepairMessage,
    "ack": AckMessage,
}
_FRAME_MODELS: dict[str, type[FrameMessage]] = {"frame": FrameMessage}

_Model = TypeVar("_Model", bound=BaseModel)


def parse_client_message(text: str) -> ClientMessage | None:
    """Read one message of a reader of masks.

    Returns:
        The message, or None for a type this version does not know.

    Raises:
        UnsupportedMessageError: Not a JSON object with a `type`, or a known type with wrong fields.
    """
    return _parse(text, _CLIENT_MODELS)


def parse_frame_message(text: str) -> FrameMessage | None:
    """Read one text message of a program that pushes frames; as `parse_client_message`."""
    return _parse(text, _FRAME_MODELS)


def _parse(text: str, models: Mapping[str, type[_Model]]) -> _Model | None:
    """Read a message of one of the types that are known here."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise UnsupportedMessageError("the message is not JSON") from exc
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        raise UnsupportedMessageError("the message is no JSON object with a type")
    model = models.get(content["type"])
    if model is None:
        return None
    try:
        return model.model_validate(content)
    except ValidationError as exc:
        field = ".".join(str(part) for part in exc.errors()[0]["loc"])
        raise UnsupportedMessageError(f"{content['type']}: {field} cannot be used") from exc
