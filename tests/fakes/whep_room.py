"""One pipeline with real WebRTC viewers, in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from aiortc import RTCPeerConnection, RTCSessionDescription

from server.media import negotiation
from server.media.aiortc_internals import ReceiverTap
from server.media.clock import SystemClock
from server.media.frame import ModelFrame, SourceState
from server.media.frame_assembler import RtpFrame
from server.media.mailbox import Mailbox
from server.media.pipeline import MediaPipeline
from server.media.source import SourceSpec, parse_source
from server.media.whep import WhepViewers


@dataclass
class Room:
    """One WHIP session with its viewers and everything it reported."""

    pipeline: MediaPipeline
    viewers: WhepViewers
    mailbox: Mailbox[ModelFrame]
    origins: dict[str, int] = field(default_factory=dict)
    states: list[tuple[SourceState, str]] = field(default_factory=list)
    discontinuities: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def open_room(source: str | SourceSpec = "whip") -> AsyncIterator[Room]:
    mailbox: Mailbox[ModelFrame] = Mailbox()
    states: list[tuple[SourceState, str]] = []
    discontinuities: list[str] = []
    origins: dict[str, int] = {}
    pipeline = MediaPipeline(
        parse_source(source) if isinstance(source, str) else source,
        mailbox=mailbox,
        clock=SystemClock(),
        on_state=lambda state, reason: states.append((state, reason)),
        on_discontinuity=discontinuities.append,
    )
    viewers = WhepViewers(pipeline.relay, origins.__setitem__)
    await pipeline.start()
    try:
        yield Room(pipeline, viewers, mailbox, origins, states, discontinuities)
    finally:
        await viewers.aclose()
        await pipeline.aclose()


async def until(condition: Callable[[], object], what: str, timeout_s: float = 60.0) -> None:
    """Wait for a condition that other tasks bring about."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not condition() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert condition(), f"not seen within {timeout_s} s: {what}"


async def view(
    room: Room, on_frame: Callable[[str, RtpFrame], None]
) -> tuple[RTCPeerConnection, str]:
    assert room.pipeline.video is not None
    peer = negotiation.create_peer()
    transceiver = peer.addTransceiver("video", "recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    viewer_id, answer = await room.viewers.create(
        peer.localDescription.sdp, room.pipeline.video.codec
    )
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    ReceiverTap(transceiver.receiver, on_frame)
    return peer, viewer_id
