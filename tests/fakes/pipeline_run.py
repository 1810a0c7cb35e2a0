"""A pipeline that runs, and what it gave out, for tests to look at."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from PIL import Image

from server.media.clock import SystemClock
from server.media.frame import CodedPacket, ModelFrame, SourceState
from server.media.frames_source import FrameFeed
from server.media.mailbox import Mailbox
from server.media.pipeline import MediaPipeline
from server.media.region import FULL, RegionChoice
from server.media.source import SourceSpec
from server.media.source_factory import SourceOptions
from server.media.view import View
from server.media.view_watch import ViewLimits
from tests.fakes.layouts import Layout


@dataclass
class Run:
    """What a pipeline gave out, in order."""

    pipeline: MediaPipeline
    states: list[tuple[SourceState, str]] = field(default_factory=list)
    events: list[str | ModelFrame] = field(default_factory=list)
    packets: list[CodedPacket] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    sizes: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def frames(self) -> list[ModelFrame]:
        return [event for event in self.events if isinstance(event, ModelFrame)]

    def sees(self, source_size: tuple[int, int]) -> bool:
        """Whether the last frame of the model is of a picture of this (height, width)."""
        return self.frames != [] and self.frames[-1].source_size == source_size

    async def until_that(self, condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Wait for a condition that other tasks and threads bring about."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, (self.states, self.pipeline.drops)
            await asyncio.sleep(0.002)

    async def until(self, frames: int, timeout_s: float = 60.0) -> None:
        """Wait until the model has seen so many frames."""
        await self.until_that(lambda: len(self.frames) >= frames, timeout_s)

    async def until_pts(self, pts: int, timeout_s: float = 60.0) -> None:
        """Wait until the model has seen this picture or a later one."""
        await self.until_that(lambda: self.frames != [] and self.frames[-1].pts >= pts, timeout_s)

    async def until_state(self, state: SourceState, timeout_s: float = 60.0) -> None:
        """Wait until the source is in a state."""
        await self.until_that(lambda: self.pipeline.state is state, timeout_s)

    async def until_reason(self, words: str, timeout_s: float = 60.0) -> None:
        """Wait until the source has said so."""
        await self.until_that(lambda: words in self.pipeline.reason, timeout_s)

    async def show(self, feed: FrameFeed, layout: Layout, ticks: int) -> None:
        """Push a frame and wait until it was looked at."""
        picture = io.BytesIO()
        Image.fromarray(layout.render(0)).save(picture, "JPEG", quality=90)
        before = self._looked_at
        feed.push(picture.getvalue(), ticks)
        await self.until_that(lambda: self._looked_at != before)

    @property
    def _looked_at(self) -> int:
        return len(self.frames) + self.pipeline.drops["region"]


@contextlib.asynccontextmanager
async def run(
    spec: SourceSpec,
    region: RegionChoice = FULL,
    view: ViewLimits | None = None,
    options: SourceOptions | None = None,
) -> AsyncIterator[Run]:
    mailbox: Mailbox[ModelFrame] = Mailbox()
    states: list[tuple[SourceState, str]] = []
    events: list[str | ModelFrame] = []
    views: list[View] = []
    sizes: list[tuple[int, int, int]] = []
    pipeline = MediaPipeline(
        spec,
        mailbox=mailbox,
        clock=SystemClock(),
        on_state=lambda state, reason: states.append((state, reason)),
        on_discontinuity=events.append,
        region=region,
        view=view,
        on_sight=lambda sight: views.append(sight.view),
        on_size=lambda *size: sizes.append(size),
        options=options,
    )
    running = Run(pipeline, states, events, views=views, sizes=sizes)
    subscription = pipeline.relay.subscribe()

    async def read_frames() -> None:
        while True:
            events.append(await mailbox.get())

    async def read_packets() -> None:
        while True:
            running.packets.append(await subscription.get())

    readers = [asyncio.create_task(read_frames()), asyncio.create_task(read_packets())]
    await pipeline.start()
    try:
        yield running
    finally:
        for reader in readers:
            reader.cancel()
        await pipeline.aclose()
        await asyncio.wait(readers)
