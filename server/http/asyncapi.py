"""`/v1/asyncapi.json`: the messages of the two WebSockets, as AsyncAPI 3 has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from server.http.openapi import LICENSE, NOT_A_DEVICE
from server.masks.finding import FindingMessage, FindingsRemovedMessage
from server.masks.message import (
    FRAMES_SUBPROTOCOL,
    SUBPROTOCOL,
    AckMessage,
    AttachMessage,
    DroppedMessage,
    FrameMaskMessage,
    FrameMessage,
    FramesHelloMessage,
    HelloMessage,
    MaskMessage,
    OriginMessage,
    RepairMessage,
    SizeMessage,
    StateMessage,
)
from server.version import VERSION

router = APIRouter(tags=["configuration"])

_PICTURE = "picture"


@dataclass(frozen=True)
class _Channel:
    """One WebSocket: what the service sends on it, and what it takes."""

    subprotocol: str
    description: str
    sends: Mapping[str, type[BaseModel]]
    takes: Mapping[str, type[BaseModel]]
    takes_pictures: bool = False


_CHANNELS = {
    "masks": _Channel(
        SUBPROTOCOL,
        "Masks of a session as they come; each is acknowledged, two are on their way at most.",
        sends={
            "hello": HelloMessage,
            "state": StateMessage,
            "origin": OriginMessage,
            "size": SizeMessage,
            "mask": MaskMessage,
            "finding": FindingMessage,
            "findings_removed": FindingsRemovedMessage,
        },
        takes={"attach": AttachMessage, "repair": RepairMessage, "ack": AckMessage},
    ),
    "frames": _Channel(
        FRAMES_SUBPROTOCOL,
        "Pictures of a program, JPEG or PNG, one a binary message; each gets one answer.",
        sends={
            "hello": FramesHelloMessage,
            "state": StateMessage,
            "mask": FrameMaskMessage,
            "dropped": DroppedMessage,
        },
        takes={"frame": FrameMessage},
        takes_pictures=True,
    ),
}


@router.get("/v1/asyncapi.json")
async def asyncapi() -> dict[str, Any]:
    """Return the description of the WebSockets' messages."""
    return asyncapi_document()


def asyncapi_document() -> dict[str, Any]:
    """Return the whole document; its schemas are those of the messages that are sent and taken."""
    models = {model for c in _CHANNELS.values() for model in (*c.sends.values(), *c.takes.values())}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schemas = models_json_schema(
        [(model, "serialization") for model in ordered],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "SALI Live: WebSockets",
            "version": VERSION,
            "description": f"{NOT_A_DEVICE} How they are used: docs/protocol.md.",
            "license": LICENSE,
        },
        "defaultContentType": "application/json",
        "servers": {"room": {"host": "127.0.0.1:8000", "protocol": "ws"}},
        "channels": {name: _channel(name, channel) for name, channel in _CHANNELS.items()},
        "operations": {
            f"{verb}_{name}": _operation(verb, name, _names(channel, verb))
            for name, channel in _CHANNELS.items()
            for verb in ("send", "receive")
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _names(channel: _Channel, verb: str) -> list[str]:
    """Return the messages of one direction, seen from the service."""
    if verb == "send":
        return list(channel.sends)
    return [*channel.takes, *([_PICTURE] if channel.takes_pictures else [])]


def _channel(name: str, channel: _Channel) -> dict[str, Any]:
    """Describe one WebSocket."""
    messages: dict[str, Any] = {
        kind: {
            "name": kind,
            "summary": (model.__doc__ or "").splitlines()[0],
            "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        }
        for kind, model in {**channel.sends, **channel.takes}.items()
    }
    if channel.takes_pictures:
        messages[_PICTURE] = {
            "name": _PICTURE,
            "summary": "One picture, as a binary message; image/png as well.",
            "contentType": "image/jpeg",
            "payload": {"type": "string", "format": "binary"},
        }
    return {
        "address": f"/v1/sessions/{{session_id}}/{name}",
        "description": f"{channel.description} Subprotocol {channel.subprotocol}.",
        "parameters": {"session_id": {"description": "As GET /v1/sessions lists it."}},
        "messages": messages,
        "bindings": {"ws": {"method": "GET"}},
    }


def _operation(verb: str, name: str, messages: list[str]) -> dict[str, Any]:
    """Describe one direction of a WebSocket."""
    return {
        "action": verb,
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{kind}"} for kind in messages],
        "security": [{"$ref": "#/components/securitySchemes/token"}],
    }
