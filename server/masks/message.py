"""The messages of the mask WebSocket, as docs/protocol.md writes them.

The field names are the JSON keys. The viewer's TypeScript union has the same names; a test keeps
the two in step.
"""

from __future__ import annotations

import json
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.errors import UnsupportedMessageError

SUBPROTOCOL: Final = "sali.masks.v1"
NOTICE = "Not a medical device."

AiStateName = Literal["warming", "active", "late", "paused", "failed"]
SourceStateName = Literal["connecting", "playing", "reconnecting", "ended", "failed"]


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


class RunLengths(_Message):
    """A mask: `size` is [height, width], `counts` as `server.masks.rle` writes it."""

    size: tuple[int, int]
    counts: str


class Polyp(_Message):
    """One connected region: `box` is [x, y, width, height] in source pixels."""

    box: tuple[float, float, float, float]
    area_px: int
    score: float


class MaskMessage(_Message):
    """The mask of one frame."""

    type: Literal["mask"] = "mask"
    sequence: int
    pts: int
    captured_at_ns: int
    age_ms: float
    source_size: tuple[int, int]
    region: tuple[int, int, int, int]
    rle: RunLengths
    polyps: tuple[Polyp, ...]
    ai_state: AiStateName
    latency_p95_ms: float | None


class StateMessage(_Message):
    """What the AI and the source do right now."""

    type: Literal["state"] = "state"
    ai_state: AiStateName
    ai_reason: str
    source_state: SourceStateName
    source_reason: str


class AttachMessage(_Message):
    """A client asks for the RTP origin of one WHEP viewer."""

    type: Literal["attach"]
    viewer: str = Field(min_length=1, max_length=64)


class AckMessage(_Message):
    """A client has taken the mask of this sequence, and all before it."""

    type: Literal["ack"]
    sequence: int = Field(ge=0)


ServerMessage = HelloMessage | OriginMessage | MaskMessage | StateMessage
ClientMessage = AttachMessage | AckMessage

_CLIENT_MODELS: dict[str, type[ClientMessage]] = {
    "attach": AttachMessage,
    "ack": AckMessage,
}


def parse_client_message(text: str) -> ClientMessage | None:
    """Read one message of a client.

    Returns:
        The message, or None for a type this version does not know.

    Raises:
        UnsupportedMessageError: Not a JSON object with a `type`, or a known type with wrong fields.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise UnsupportedMessageError("the message is not JSON") from exc
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        raise UnsupportedMessageError("the message is no JSON object with a type")
    model = _CLIENT_MODELS.get(content["type"])
    if model is None:
        return None
    try:
        return model.model_validate(content)
    except ValidationError as exc:
        field = ".".join(str(part) for part in exc.errors()[0]["loc"])
        raise UnsupportedMessageError(f"{content['type']}: {field} cannot be used") from exc
