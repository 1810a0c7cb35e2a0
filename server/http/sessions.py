"""`/v1/sessions`: list, create, look at, change, reset and end sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from server.http.services import ServicesOf, SessionOf
from server.masks.message import AiStateName, PoorName, RetryFacts, SourceStateName, ViewName
from server.media.frame import Overlay, VideoInfo
from server.media.push import PushState
from server.media.push_target import parse_push
from server.media.region import (
    AUTO,
    FULL,
    Rectangle,
    RegionChoice,
    RegionMode,
    parse_region,
    rectangle_choice,
)
from server.media.source import SourceKind, parse_source
from server.session.session import Session
from server.settings import region_for

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


class PushRequest(BaseModel):
    """Where a session's video is sent, besides to viewers."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=4096)
    overlay: Overlay = "burned"


Region = Literal["auto", "full"] | Rectangle
"""What a client asks for: the picture that is found, the whole frame, or [x, y, width, height]."""


class SessionRequest(BaseModel):
    """What a new session is to be."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=80)
    source: str = Field(min_length=1, max_length=4096)
    loop: bool = False
    push: list[PushRequest] = Field(default=[], max_length=4)
    region: Region | None = None


class SessionChange(BaseModel):
    """What of a session is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=80)
    source: str | None = Field(default=None, min_length=1, max_length=4096)
    loop: bool = False

    @model_validator(mode="after")
    def _refuse_loop_alone(self) -> SessionChange:
        """It belongs to a new source; a running one would go on as it began."""
        if self.loop and self.source is None:
            msg = "loop needs a source"
            raise ValueError(msg)
        return self


class RegionRequest(BaseModel):
    """Which part of the picture the AI is to get."""

    model_config = ConfigDict(extra="forbid")

    region: Region


class RegionView(BaseModel):
    """Which part it gets; `rectangle` is null until it is known."""

    mode: RegionMode
    rectangle: Rectangle | None


class SourceView(BaseModel):
    """A source, without credentials."""

    kind: SourceKind
    label: str


class VideoView(BaseModel):
    """The video as viewers get it."""

    width: int
    height: int
    fps: float | None
    codec: str


class PushView(BaseModel):
    """A push; `label` is where it goes, without credentials."""

    label: str
    overlay: Overlay
    state: PushState
    reason: str
    packets_sent: int


class CountersView(BaseModel):
    """What was counted since the session began."""

    frames_received: int
    frames_decoded: int
    frames_masked: int
    drops: dict[str, int]


class SessionView(BaseModel):
    """A session."""

    id: str
    name: str
    source: SourceView
    source_state: SourceStateName
    source_reason: str
    source_retry: RetryFacts | None
    ai_state: AiStateName
    ai_reason: str
    view: ViewName
    view_poor: PoorName | None
    view_instrument: bool
    created_at: datetime
    video: VideoView | None
    region: RegionView
    viewers: int
    encoders: int
    push: list[PushView]
    counters: CountersView


class SessionList(BaseModel):
    """All sessions, the oldest first."""

    sessions: list[SessionView]


def session_to_view(session: Session) -> SessionView:
    """Return what the interface tells of a session."""
    identity, pipeline = session.identity, session.pipeline
    return SessionView(
        id=identity.id,
        name=identity.name,
        source=SourceView(kind=identity.spec.kind, label=identity.spec.label),
        source_state=pipeline.state.value,
        source_reason=pipeline.reason,
        source_retry=session.source_retry,
        ai_state=session.ai.state.value,
        ai_reason=session.ai.reason,
        view=pipeline.sight.view.value,
        view_poor=None if pipeline.sight.poor is None else pipeline.sight.poor.value,
        view_instrument=pipeline.sight.instrument,
        created_at=identity.created_at,
        video=_video_to_view(pipeline.video),
        region=_region_to_view(session),
        viewers=session.peers.viewers,
        encoders=pipeline.encoders,
        push=[PushView.model_validate(vars(status)) for status in session.pushes],
        counters=CountersView(
            frames_received=pipeline.frames_received,
            frames_decoded=pipeline.frames_decoded,
            frames_masked=session.frames_masked,
            drops=session.drops,
        ),
    )


def _video_to_view(video: VideoInfo | None) -> VideoView | None:
    """Return what the interface tells of the video, once there is some."""
    if video is None:
        return None
    return VideoView(width=video.width, height=video.height, fps=video.fps, codec=video.codec)


def _region_to_view(session: Session) -> RegionView:
    """Return what the interface tells of the region."""
    pipeline = session.pipeline
    return RegionView(mode=pipeline.region_choice.mode, rectangle=pipeline.region)


def _chosen(region: Region) -> RegionChoice:
    """Return the choice that a client's region stands for.

    Raises:
        RegionError: A rectangle that cannot be used.
    """
    if isinstance(region, tuple):
        return rectangle_choice(*region)
    return AUTO if region == "auto" else FULL


@router.post("", status_code=201)
async def create_session(
    wanted: SessionRequest, services: ServicesOf, response: Response
) -> SessionView:
    """Start a session on a source."""
    spec = parse_source(wanted.source, wanted.loop)
    pushes = tuple(parse_push(push.url, push.overlay) for push in wanted.push)
    if wanted.region is None:
        region = parse_region(region_for(services.settings, spec.kind))
    else:
        region = _chosen(wanted.region)
    session = await services.registry.create(
        wanted.name.strip(), spec, pushes=pushes, region=region
    )
    response.headers["Location"] = f"/v1/sessions/{session.identity.id}"
    return session_to_view(session)


@router.get("")
async def list_sessions(services: ServicesOf) -> SessionList:
    """List all sessions."""
    return SessionList(sessions=[session_to_view(s) for s in services.registry.sessions])


@router.get("/{session_id}")
async def get_session(session: SessionOf) -> SessionView:
    """Look at one session."""
    return session_to_view(session)


@router.patch("/{session_id}")
async def change_session(
    wanted: SessionChange, session_id: str, services: ServicesOf
) -> SessionView:
    """Give a session another source or name: its viewers stay, the memory is emptied."""
    spec = None if wanted.source is None else parse_source(wanted.source, wanted.loop)
    session = await services.registry.change(session_id, name=wanted.name.strip(), spec=spec)
    return session_to_view(session)


@router.delete("/{session_id}", status_code=204)
async def delete_session(session_id: str, services: ServicesOf) -> None:
    """End a session and all its connections."""
    await services.registry.close(session_id)


@router.post("/{session_id}/reset", status_code=204)
async def reset_session(session: SessionOf) -> None:
    """Empty the session's memory: a new patient."""
    session.reset()


@router.get("/{session_id}/region")
async def get_region(session: SessionOf) -> RegionView:
    """Tell which part of the picture the AI gets."""
    return _region_to_view(session)


@router.put("/{session_id}/region")
async def put_region(wanted: RegionRequest, session: SessionOf) -> RegionView:
    """Choose which part of the picture the AI gets; its memory is emptied if that changes it."""
    session.choose_region(_chosen(wanted.region))
    return _region_to_view(session)


@router.delete("/{session_id}/region", status_code=204)
async def delete_region(session: SessionOf) -> None:
    """Look for the endoscopic picture again."""
    session.choose_region(AUTO)
