"""A real RTSP server (GStreamer's) that goes away, freezes and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from server.errors import SourceRefusedError
from server.media.clock import SystemClock
from server.media.frame import CodedPacket, ModelFrame, SourceRetry, SourceState
from server.media.mailbox import Mailbox
from server.media.pipeline import MediaPipeline
from server.media.source import check_source, parse_source
from tests.fakes.rtsp_server import RtspServer, why_unavailable

_REASON = why_unavailable()
pytestmark = pytest.mark.skipif(_REASON is not None, reason=str(_REASON))


@pytest.fixture
def server() -> Iterator[RtspServer]:
    running = RtspServer()
    running.start()
    yield running
    running.kill()


class Room:
    """A pipeline on an RTSP source, and everything it gave out."""

    def __init__(self, url: str) -> None:
        self.states: list[tuple[SourceState, str]] = []
        self.retries: list[SourceRetry] = []
        self.discontinuities: list[str] = []
        self.packets: list[CodedPacket] = []
        self.mailbox: Mailbox[ModelFrame] = Mailbox()
        self.pipeline = MediaPipeline(
            parse_source(url),
            mailbox=self.mailbox,
            clock=SystemClock(),
            on_state=self._take_state,
            on_discontinuity=self.discontinuities.append,
        )

    def _take_state(self, state: SourceState, reason: str) -> None:
        self.states.append((state, reason))
        if self.pipeline.retry is not None:
            self.retries.append(self.pipeline.retry)

    async def __aenter__(self) -> Room:
        subscription = self.pipeline.relay.subscribe()

        async def read() -> None:
            while True:
                self.packets.append(await subscription.get())

        self._reader = asyncio.create_task(read())
        await self.pipeline.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        await self.pipeline.aclose()
        await asyncio.wait({self._reader})

    async def until(self, condition: Callable[[], bool], timeout_s: float = 60.0) -> float:
        """Wait for a condition; returns the seconds it took."""
        start = asyncio.get_running_loop().time()
        while not condition():
            waited = asyncio.get_running_loop().time() - start
            assert waited < timeout_s, (self.states, self.pipeline.drops)
            await asyncio.sleep(0.01)
        return asyncio.get_running_loop().time() - start


async def test_frames_arrive_untouched_and_identified(server: RtspServer) -> None:
    async with Room(server.url) as room:
        await room.until(lambda: len(room.packets) >= 40)
        frame = await room.mailbox.get()
        assert room.pipeline.state is SourceState.PLAYING
        assert room.pipeline.video is not None
        assert (room.pipeline.video.width, room.pipeline.video.height) == (320, 240)
        assert room.packets[0].is_keyframe
        assert frame.source_size == (240, 320)
        await room.until(lambda: frame.pts in {p.pts for p in room.packets})
        steps = {b.pts - a.pts for a, b in zip(room.packets, room.packets[1:], strict=False)}
        assert steps <= {3599, 3600, 3601}
        assert room.pipeline.drops["corrupt"] == 0


async def test_a_killed_server_is_waited_for_and_its_return_is_a_new_stretch(
    server: RtspServer,
) -> None:
    async with Room(server.url) as room:
        await room.until(lambda: len(room.packets) >= 10)
        told = len(room.retries)
        await asyncio.to_thread(server.kill)
        await room.until(lambda: room.pipeline.state is SourceState.RECONNECTING)
        await room.until(lambda: len(room.retries) > told)
        assert room.retries[told].attempt == 1
        last_pts = room.pipeline.relay.last_pts
        await asyncio.to_thread(server.start)
        await room.until(lambda: room.pipeline.state is SourceState.PLAYING)
        await room.until(lambda: room.discontinuities != [])
        assert room.discontinuities == ["the source was connected again"]
        await room.until(lambda: room.pipeline.relay.last_pts > last_pts)
        pts = [p.pts for p in room.packets]
        assert pts == sorted(set(pts))


async def test_a_server_that_freezes_is_told_and_given_up(server: RtspServer) -> None:
    async with Room(server.url) as room:
        await room.until(lambda: len(room.packets) >= 10)
        server.freeze()
        await room.until(lambda: room.pipeline.state is SourceState.STALLED)
        await room.until(lambda: room.pipeline.state is SourceState.RECONNECTING)
        assert "went silent" in room.pipeline.reason


async def test_video_with_b_frames_is_encoded_again() -> None:
    server = RtspServer(bframes=2)
    await asyncio.to_thread(server.start)
    try:
        async with Room(server.url) as room:
            await room.until(lambda: len(room.packets) >= 30)
            pts = [p.pts for p in room.packets]
            assert pts == sorted(set(pts))
            await room.until(lambda: room.pipeline.video is not None)
            frame = await room.mailbox.get()
            await room.until(lambda: frame.pts in {p.pts for p in room.packets})
    finally:
        server.kill()


async def test_a_camera_that_is_not_there_yet_is_waited_for(server: RtspServer) -> None:
    server.kill()
    async with Room(server.url) as room:
        await room.until(lambda: "nothing listens" in room.pipeline.reason)
        assert room.pipeline.state is SourceState.CONNECTING
        await asyncio.to_thread(server.start)
        await room.until(lambda: room.pipeline.state is SourceState.PLAYING)


def test_a_wrong_path_is_refused_and_a_right_one_passes(server: RtspServer) -> None:
    check_source(parse_source(server.url))
    with pytest.raises(SourceRefusedError, match="no stream at this path"):
        check_source(parse_source(f"rtsp://127.0.0.1:{server.port}/nothing"))


async def test_a_login_by_digest_is_given_and_a_wrong_one_is_told_without_it() -> None:
    server = RtspServer(login="doctor:s3cret")
    await asyncio.to_thread(server.start)
    try:
        right = server.url.replace("rtsp://", "rtsp://doctor:s3cret@")
        async with Room(right) as room:
            await room.until(lambda: len(room.packets) >= 10)
        wrong = server.url.replace("rtsp://", "rtsp://doctor:wr0ng@")
        async with Room(wrong) as room:
            await room.until(lambda: "refused the user name" in room.pipeline.reason)
            assert "wr0ng" not in room.pipeline.reason
            assert room.pipeline.retry is not None
    finally:
        server.kill()


@pytest.mark.parametrize("codec", ["h264", "h265", "jpeg"])
async def test_ffmpeg_reads_what_comes_by_udp_and_what_is_not_h264(codec: str) -> None:
    server = RtspServer(codec=codec)
    await asyncio.to_thread(server.start)
    try:
        async with Room(f"{server.url}?transport=udp" if codec == "h264" else server.url) as room:
            await room.until(lambda: len(room.packets) >= 30)
            frame = await room.mailbox.get()
            assert frame.source_size == (240, 320)
            await room.until(lambda: frame.pts in {p.pts for p in room.packets})
    finally:
        server.kill()


@pytest.mark.parametrize("codec", ["h264", "h265"])
async def test_a_server_that_refuses_tcp_is_read_by_udp(codec: str) -> None:
    server = RtspServer(codec=codec, is_udp_only=True)
    await asyncio.to_thread(server.start)
    try:
        await asyncio.to_thread(check_source, parse_source(server.url))
        async with Room(server.url) as room:
            await room.until(lambda: len(room.packets) >= 10)
        async with Room(f"{server.url}?transport=tcp") as room:
            await room.until(lambda: room.pipeline.retry is not None)
            assert room.packets == []
    finally:
        server.kill()
