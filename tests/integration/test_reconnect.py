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
from server.media.frame import ModelFrame, SourceState
from server.media.mailbox import Mailbox
from server.media.pipeline import MediaPipeline
from server.media.reconnect import RetryLimits
from server.media.source import check_source, parse_source
from server.media.source_factory import SourceOptions
from tests.fakes.rtsp_camera import CameraManners, RtspCamera, packetize, packetize_h265
from tests.fakes.video_files import coded_pictures, write_video

Packer = Callable[[bytes, int, int], list[bytes]]
_FIRST_TICKS = 90_000
_FAST = SourceOptions(retry=RetryLimits(first_delay_s=0.001, longest_delay_s=0.002))


class Room:
    """A pipeline on the camera, with what it told."""

    def __init__(self, url: str, options: SourceOptions = _FAST) -> None:
        self.states: list[SourceState] = []
        self.reasons: list[str] = []
        self.mailbox: Mailbox[ModelFrame] = Mailbox()
        self.pipeline = MediaPipeline(
            parse_source(url),
            mailbox=self.mailbox,
            clock=SystemClock(),
            on_state=lambda state, reason: self.states.append(state),
            on_discontinuity=self.reasons.append,
            options=options,
        )

    async def __aenter__(self) -> Room:
        await self.pipeline.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pipeline.aclose()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - any condition of any object
                await asyncio.sleep(0.001)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Coded pictures of a film, each group of them beginning with a keyframe."""
    path = tmp_path_factory.mktemp("film") / "film.ts"
    return coded_pictures(write_video(path, frames=12, group=12))


@pytest.fixture(scope="module")
def h265_pictures(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The same in H.265, with its parameter sets in front."""
    path = tmp_path_factory.mktemp("film") / "film.hevc"
    return coded_pictures(write_video(path, frames=12, group=12, codec="libx265"))


async def _play(
    camera: RtspCamera, room: Room, pictures: list[bytes], pack: Packer = packetize
) -> int:
    """Send the film, and wait until its first picture was decoded; the next sequence number."""
    async with asyncio.timeout(60):
        await camera.playing.wait()
    sequence = 0
    for number, picture in enumerate(pictures):
        packets = pack(picture, sequence, _FIRST_TICKS + 3600 * number)
        camera.send(packets)
        sequence += len(packets)
    await room.until(lambda: room.pipeline.state is SourceState.PLAYING)
    async with asyncio.timeout(60):
        await room.mailbox.get()
    return sequence


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
@pytest.mark.parametrize(
    "reader", ["our own client", pytest.param("FFmpeg", marks=pytest.mark.long)]
)
@pytest.mark.hazard("H6")
async def test_fifty_reconnections_leave_nothing_behind(
    reader: str, pictures: list[bytes], h265_pictures: list[bytes]
) -> None:
    is_ours = reader == "our own client"
    manners = CameraManners(encoding="H264" if is_ours else "H265")
    async with RtspCamera(manners) as camera, Room(camera.url) as room:

        async def play() -> None:
            if is_ours:
                await _play(camera, room, pictures)
            else:
                await _play(camera, room, h265_pictures, packetize_h265)

        async def reconnect() -> None:
            camera.hang_up()
            await room.until(lambda: room.pipeline.state is SourceState.RECONNECTING)
            await play()

        await play()
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
        # The thread of the last connection but one may just be on its way out.
        await room.until(lambda: _counts() == before)
        assert grown < 200_000
        assert _resident_bytes() - resident < 32 << 20
        # The last frame that was waited for may be one from before the last connection.
        await room.until(lambda: len(room.reasons) >= 55)
        assert room.reasons == ["the source was connected again"] * 55
        assert room.pipeline.drops["corrupt"] == 0


@pytest.mark.hazard("H6", "F6")
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
        room = Room(camera.url.replace("rtsp://", "rtsp://doctor:old@"), options)
        async with room:
            await room.until(lambda: "refused the user name" in room.pipeline.reason)
            assert "old" not in room.pipeline.reason
            manners.login = ("doctor", "old")
            await _play(camera, room, pictures)


async def test_a_picture_over_the_limit_is_told_and_the_camera_tried_again(
    pictures: list[bytes], tmp_path: Path
) -> None:
    huge = coded_pictures(write_video(tmp_path / "huge.ts", size=(4200, 64), frames=1))
    options = SourceOptions(retry=RetryLimits(first_delay_s=0.001, refused_delay_s=0.01))
    async with RtspCamera() as camera:
        room = Room(camera.url, options)
        async with room:
            sequence = await _play(camera, room, pictures)
            camera.playing.clear()
            camera.send(packetize(huge[0], sequence, _FIRST_TICKS + 3600 * 20))
            await room.until(lambda: "too large" in room.pipeline.reason)
            assert room.pipeline.state is SourceState.RECONNECTING
            assert room.pipeline.reason.startswith(f"{camera.url}: pictures of 4200x64")
            await _play(camera, room, pictures)
            assert SourceState.FAILED not in room.states


async def test_a_camera_that_sends_another_codec_than_it_said_is_asked_again(
    pictures: list[bytes], h265_pictures: list[bytes]
) -> None:
    async with RtspCamera() as camera, Room(camera.url) as room:
        sequence = await _play(camera, room, pictures)
        camera.manners.encoding = "H265"
        camera.playing.clear()
        for number in range(3000):
            packets = packetize_h265(
                h265_pictures[number % 12], sequence, _FIRST_TICKS + 3600 * (20 + number)
            )
            camera.send(packets)
            sequence += len(packets)
            await asyncio.sleep(0.01)
            if "its video cannot be decoded" in room.pipeline.reason:
                break
        assert "its video cannot be decoded" in room.pipeline.reason
        assert room.pipeline.state is SourceState.RECONNECTING
        await _play(camera, room, h265_pictures, packetize_h265)
        await room.until(lambda: room.pipeline.encoders == 1)


@pytest.mark.parametrize("scheme", ["Basic", "MD5"])
async def test_a_camera_that_moved_sends_us_to_its_new_place_with_our_login(
    scheme: str, pictures: list[bytes]
) -> None:
    login = ("doctor", "p@ss")
    async with RtspCamera(CameraManners(login=login, scheme=scheme)) as camera:
        signpost = RtspCamera(CameraManners(redirect=camera.url))
        async with signpost:
            url = signpost.url.replace("rtsp://", "rtsp://doctor:p%40ss@")
            await asyncio.to_thread(check_source, parse_source(url))
            async with Room(url) as room:
                await _play(camera, room, pictures)
