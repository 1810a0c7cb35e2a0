"""`/v1/sessions/{id}/memory`: what the network reads from its memory right now."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel

from server.http.services import SessionOf
from server.worker.protocol import MemoryFrame, MemoryRead

router = APIRouter(prefix="/v1/sessions/{session_id}/memory", tags=["memory"])

_TICKS_PER_S = 90_000


class MemoryFrameView(BaseModel):
    """A frame in memory.

    `share` is the share of attention it received, `area` the share of its picture that was masked,
    `age_s` how long before the picture that read it it was seen.
    """

    sequence: int
    pts: int
    age_s: float
    share: float
    area: float
    has_picture: bool


class MemoryMapView(BaseModel):
    """Where in one frame the network looks: a byte a cell, rows first, in Base64.

    128 is what a cell gets when all in memory get the same, 32 more stand for twice as much.
    """

    sequence: int
    size: tuple[int, int]
    levels: str


class MemoryReadView(BaseModel):
    """What the step of one picture read, the oldest frame first; the shares sum to 1."""

    sequence: int
    pts: int
    frames: list[MemoryFrameView]
    has_maps: bool
    map: MemoryMapView | None


@router.get("")
async def read_memory(
    session: SessionOf, response: Response, map: int | None = None
) -> MemoryReadView:
    """Tell what the network reads now, at most 200 ms old."""
    message = await session.memory.read(map)
    response.headers["Cache-Control"] = "no-store"
    pictures = session.memory.pictures
    return MemoryReadView(
        sequence=message.sequence,
        pts=message.pts,
        frames=[_frame_to_view(frame, message.pts, pictures) for frame in message.frames],
        has_maps=message.map_size is not None,
        map=_map_to_view(message, map),
    )


@router.get("/{sequence}", response_class=Response)
async def get_picture(sequence: int, session: SessionOf) -> Response:
    """Return a small JPEG of a frame in memory, with the outline of its mask."""
    picture = session.memory.picture(sequence)
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


def _frame_to_view(frame: MemoryFrame, now: int, pictures: frozenset[int]) -> MemoryFrameView:
    """Return what the interface tells of a frame in memory."""
    return MemoryFrameView(
        sequence=frame.sequence,
        pts=frame.pts,
        age_s=round((now - frame.pts) / _TICKS_PER_S, 3),
        share=frame.share,
        area=frame.area,
        has_picture=frame.sequence in pictures,
    )


def _map_to_view(message: MemoryRead, wanted: int | None) -> MemoryMapView | None:
    """Return the map that was asked for, if it is there."""
    for frame in message.frames:
        if frame.sequence == wanted and frame.map is not None and message.map_size is not None:
            return MemoryMapView(sequence=frame.sequence, size=message.map_size, levels=frame.map)
    return None
