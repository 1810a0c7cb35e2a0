"""A camera that goes away again and again: nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from server.media.clock import SystemClock
from server.media.file_source import FileReader
from server.media.frame import ModelFrame, SourceState
from server.media.mailbox import Mailbox
from server.media.pipeline import MediaPipeline, SourceOptions
from server.media.reconnect import RetryLimits
from server.media.source import parse_source
from tests.fakes.rtsp_camera import CameraManners, RtspCamera, packetize
from tests.fakes.video_files import write_video

_FAST = SourceOptions(retry=RetryLimits(first_delay_s=0.001, longest_delay_s=0.002))


class Room:
    """A pipeline on the camera, with what it told."""

    def __init__(self, url: str) -> None:
        self.states: list[SourceState] = []
        self.reasons: list[str] = []
        self.mailbox: Mailbox[ModelFrame] = Mailbox()
        self.pipeline = MediaPipeline(
            parse_source(url),
            mailbox=self.mailbox,
            clock=SystemClock(),
            on_state=lambda state, reason: self.states.append(state),
            on_discontinuity=self.reasons.append,
            options=_FAST,
        )

    async def __aenter__(self) -> Room:
        await self.pipeline.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pipeline.aclose()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - any condition of any object
                await asyncio.sleep(0.001)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Coded pictures of a film, each group of them beginning with a keyframe."""
    path = write_video(tmp_path_factory.mktemp("film") / "film.mp4", frames=12, group=12)
    reader = FileReader(str(path))
    packets = reader.read(100)
    reader.close()
    return [packet.payload for packet in packets]


async def _play(camera: RtspCamera, room: Room, pictures: list[bytes]) -> None:
    """Send the film, and wait until its first picture was decoded."""
    async with asyncio.timeout(10):
        await camera.playing.wait()
    sequence = 0
    for number, picture in enumerate(pictures):
        packets = packetize(picture, sequence, 3600 * number)
        camera.send(packets)
        sequence += len(packets)
    await room.until(lambda: room.pipeline.state is SourceState.PLAYING)
    async with asyncio.timeout(10):
        await room.mailbox.get()


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _counts() -> dict[str, int]:
    gc.collect()
    return {
        "handles": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
    }


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts handles in /proc")
async def test_fifty_reconnections_leave_nothing_behind(pictures: list[bytes]) -> None:
    async with RtspCamera() as camera, Room(camera.url) as room:

        async def reconnect() -> None:
            camera.hang_up()
            await room.until(lambda: room.pipeline.state is SourceState.RECONNECTING)
            await _play(camera, room, pictures)

        await _play(camera, room, pictures)
        for _ in range(5):
            await reconnect()
        before, resident = _counts(), _resident_bytes()
        tracemalloc.start()
        for _ in range(2):
            await reconnect()
        held, _ = tracemalloc.get_traced_memory()
        for _ in range(48):
            await reconnect()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - held
        tracemalloc.stop()
        assert _counts() == before
        assert grown < 200_000
        assert _resident_bytes() - resident < 32 << 20
        # The last frame that was waited for may be one from before the last connection.
        await room.until(lambda: len(room.reasons) >= 55)
        assert room.reasons == ["the source was connected again"] * 55
        assert room.pipeline.drops["corrupt"] == 0


async def test_a_camera_that_comes_back_on_its_port_is_picked_up(pictures: list[bytes]) -> None:
    async with RtspCamera() as camera, Room(camera.url) as room:
        await _play(camera, room, pictures)
        last_pts = room.pipeline.relay.last_pts
        await camera.stop()
        await room.until(lambda: "nothing listens" in room.pipeline.reason)
        await camera.start()
        await _play(camera, room, pictures)
        assert room.pipeline.relay.last_pts > last_pts


async def test_a_password_set_right_at_the_camera_is_seen(pictures: list[bytes]) -> None:
    manners = CameraManners(login=("doctor", "new"))
    options = SourceOptions(retry=RetryLimits(refused_delay_s=0.01))
    async with RtspCamera(manners) as camera:
        room = Room(camera.url.replace("rtsp://", "rtsp://doctor:old@"))
        room.pipeline = MediaPipeline(
            parse_source(camera.url.replace("rtsp://", "rtsp://doctor:old@")),
            mailbox=room.mailbox,
            clock=SystemClock(),
            on_state=lambda state, reason: room.states.append(state),
            on_discontinuity=room.reasons.append,
            options=options,
        )
        async with room:
            await room.until(lambda: "refused the user name" in room.pipeline.reason)
            assert "old" not in room.pipeline.reason
            manners.login = ("doctor", "old")
            await _play(camera, room, pictures)
