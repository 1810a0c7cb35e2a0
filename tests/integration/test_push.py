"""Streams pushed to real peers: FFmpeg's RTSP and RTMP listeners, and sockets that stay silent."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncIterator, Callable

import av
import numpy as np
import pytest

from server.media.clock import SystemClock
from server.media.encoder import RelayEncoder
from server.media.frame import CodedPacket
from server.media.push import PushOutput
from server.media.push_target import parse_push
from server.media.relay import Relay
from tests.fakes.push_receiver import Receiver
from tests.fakes.rtsp_server import free_port

FPS = 25


class Camera:
    """Publishes pictures in real time, the n-th `10 * (n % 24)` bright, until it is stopped."""

    def __init__(self, relay: Relay, size: tuple[int, int] = (64, 48)) -> None:
        self._relay = relay
        self._encoder = RelayEncoder()
        self.size = size
        self.sent = 0
        self.latest_start_s = 0.0

    async def run(self) -> None:
        while True:
            before = asyncio.get_running_loop().time()
            await asyncio.sleep(1 / FPS)
            late = asyncio.get_running_loop().time() - before - 1 / FPS
            self.latest_start_s = max(self.latest_start_s, late)
            self.send()

    def send(self) -> CodedPacket:
        width, height = self.size
        pixels = np.full((height, width, 3), 10 * (self.sent % 24), np.uint8)
        frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
        packet = self._encoder.encode(frame, 900_000 + self.sent * 3600, self.sent * 40_000_000)
        assert packet is not None
        self._relay.publish(packet)
        self.sent += 1
        return packet


@contextlib.asynccontextmanager
async def pushing(
    url: str, *, timeout_s: float = 10.0
) -> AsyncIterator[tuple[PushOutput, Camera, Relay]]:
    relay = Relay()
    camera = Camera(relay)
    output = PushOutput(
        relay, parse_push(url, "clean"), clock=SystemClock(), send_timeout_s=timeout_s
    )
    playing = asyncio.create_task(camera.run())
    output.start()
    try:
        yield output, camera, relay
    finally:
        playing.cancel()
        await output.aclose()
        relay.close()


async def until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - any condition of any object
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("scheme", ["rtsp", "rtmp"])
async def test_a_peer_gets_every_picture_at_its_own_time(scheme: str) -> None:
    url = f"{scheme}://127.0.0.1:{free_port()}/live/key"
    receiver = Receiver(url, 30)
    try:
        async with pushing(url) as (output, _, _):
            head, pictures = await asyncio.to_thread(receiver.result)
            await until(lambda: output.status.packets_sent >= 30)
    finally:
        receiver.kill()
    assert head["codec"] == "h264"
    assert head["is_avcc"] == (scheme == "rtmp"), "RTMP servers want the header apart"
    for before, after in itertools.pairwise(pictures[1:]):
        assert abs(after["pts"] - before["pts"] - 3600) <= 90
        assert round((after["brightness"] - before["brightness"]) / 10) % 24 == 1


async def test_a_peer_that_comes_later_and_goes_is_pushed_to_again() -> None:
    url = f"rtsp://user:secret@127.0.0.1:{free_port()}/live"
    async with pushing(url) as (output, _, _):
        await until(lambda: output.status.state == "reconnecting")
        assert "refused" in output.status.reason
        assert "secret" not in str(output.status)
        for _ in range(2):
            receiver = Receiver(url, 10)
            try:
                _, pictures = await asyncio.to_thread(receiver.result)
            finally:
                receiver.kill()
            assert len(pictures) >= 10
            await until(lambda: output.status.state == "reconnecting")


async def test_a_peer_that_takes_nothing_disturbs_nobody_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtmp://127.0.0.1:{silent.getsockname()[1]}/live/key"
        async with pushing(url, timeout_s=4) as (output, _, relay):
            reader = relay.subscribe()
            got = 0
            while output.status.state != "reconnecting":
                packet = await asyncio.wait_for(reader.get(), 60)
                assert packet.pts == 900_000 + got * 3600
                got += 1
            assert output.status.reason == "the peer took nothing for 4 s"
            assert got > FPS, "the video went on meanwhile"
            assert reader.drops == 0
            assert output.status.packets_sent == 0


async def test_what_a_slow_peer_does_not_take_is_dropped_and_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtmp://127.0.0.1:{silent.getsockname()[1]}/live/key"
        async with pushing(url) as (_, camera, relay):
            await until(lambda: relay.viewers)
            for _ in range(200):
                camera.send()
                await asyncio.sleep(0)
            assert relay.drops["push"] >= 100
            assert relay.drops["relay"] == 0


async def test_another_picture_size_begins_another_connection() -> None:
    url = f"rtsp://127.0.0.1:{free_port()}/live"
    first = Receiver(url, 100_000)
    async with pushing(url) as (output, camera, _):
        await until(lambda: output.status.packets_sent > 10)
        camera.size = (96, 64)
        await asyncio.to_thread(first.result)
        second = Receiver(url, 5)
        try:
            _, pictures = await asyncio.to_thread(second.result)
        finally:
            second.kill()
        assert pictures


async def test_a_protocol_that_this_ffmpeg_lacks_is_told() -> None:
    if "srt" in _protocols():
        pytest.skip("this FFmpeg has srt")
    async with pushing("srt://127.0.0.1:9") as (output, _, _):
        await until(lambda: output.status.state == "failed")
        assert output.status.reason == ("this build of FFmpeg has no srt; push by rtsp or rtmp")


async def test_a_push_whose_stream_has_ended_says_so() -> None:
    relay = Relay()
    target = parse_push(f"rtsp://127.0.0.1:{free_port()}/live", "clean")
    output = PushOutput(relay, target, clock=SystemClock())
    output.start()
    await until(lambda: relay.viewers)
    relay.close()
    await until(lambda: output.status.state == "failed")
    assert output.status.reason == "the stream has ended"
    await output.aclose()


def _protocols() -> list[str]:
    try:
        av.open("srt://127.0.0.1:9", timeout=0.01)
    except av.ProtocolNotFoundError:
        return []
    except (av.FFmpegError, OSError):
        return ["srt"]
    return ["srt"]
