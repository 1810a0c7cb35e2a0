from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from server.errors import InvalidPictureError, PublisherBusyError
from server.media.frame import SourceState
from server.media.frames_source import FramesSource
from server.media.timeline import Timeline
from tests.fakes.collecting_sink import CollectingSink
from tests.fakes.still_pictures import jpeg, png
from tests.fakes.virtual_clock import VirtualClock


class Room:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.sink = CollectingSink()
        self.source = FramesSource(clock=self.clock, timeline=Timeline())


@contextlib.asynccontextmanager
async def room() -> AsyncIterator[Room]:
    made = Room()
    task = asyncio.create_task(made.source.run(made.sink))
    await made.clock.next_deadline_ns()
    yield made
    task.cancel()
    await asyncio.wait({task})


async def test_pictures_keep_the_distances_that_the_program_tells() -> None:
    async with room() as it:
        feed = it.source.attach()
        first = feed.push(jpeg(8, 8), 1_000_000)
        assert feed.push(jpeg(8, 8), 1_003_600) == first + 3600
        assert [p.pts for p in it.sink.packets] == [first, first + 3600]
        assert it.sink.formats[0].codec == "mjpeg"
        assert all(p.is_keyframe for p in it.sink.packets)


async def test_without_a_time_the_arrival_counts() -> None:
    async with room() as it:
        feed = it.source.attach()
        first = feed.push(png(8, 8), None)
        await it.clock.advance(0.5)
        assert feed.push(png(8, 8), None) == first + 45_000


async def test_a_picture_that_is_not_newer_is_refused() -> None:
    async with room() as it:
        feed = it.source.attach()
        feed.push(jpeg(8, 8), 1000)
        with pytest.raises(InvalidPictureError, match="not greater"):
            feed.push(jpeg(8, 8), 1000)
        assert len(it.sink.packets) == 1


async def test_another_format_and_another_program_begin_a_stretch() -> None:
    async with room() as it:
        feed = it.source.attach()
        feed.push(jpeg(8, 8), None)
        await it.clock.advance(1)
        feed.push(png(8, 8), None)
        feed.close()
        await it.clock.advance(1)
        it.source.attach().push(png(8, 8), None)
        assert it.sink.stretches == [
            None,
            "the format of the pictures changed",
            "another program",
        ]
        assert [p.pts for p in it.sink.packets] == [0, 90_000, 180_000]


async def test_one_program_at_a_time() -> None:
    async with room() as it:
        feed = it.source.attach()
        with pytest.raises(PublisherBusyError):
            it.source.attach()
        feed.close()
        feed.close()
        second = it.source.attach()
        with pytest.raises(InvalidPictureError, match="any more"):
            feed.push(jpeg(8, 8), None)
        second.push(jpeg(8, 8), None)


async def test_silence_and_leaving_are_told() -> None:
    async with room() as it:
        feed = it.source.attach()
        feed.push(jpeg(8, 8), None)
        for _ in range(10):
            await it.clock.advance(0.25)
            await asyncio.sleep(0)
        assert it.sink.states[-1][0] is SourceState.STALLED
        feed.close()
        assert it.sink.states[-1][0] is SourceState.RECONNECTING
