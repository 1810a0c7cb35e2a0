from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from server.errors import (
    SourceError,
    SourceLoginError,
    SourceRefusedError,
    SourceUnreachableError,
)
from server.media.clock import SystemClock
from server.media.rtsp.connection import RtspConnection, check_rtsp
from tests.fakes.collecting_sink import CollectingSink
from tests.fakes.rtsp_camera import PPS, SPS, CameraManners, RtspCamera, packetize, rtp_packet
from tests.fakes.rtsp_server import free_port
from tests.fakes.virtual_clock import VirtualClock

_START = b"\x00\x00\x00\x01"
_IDR = _START + bytes([0x65]) + b"\x88\x84" * 2000
_SLICE = _START + bytes([0x41]) + b"\x9a\x21" * 300


class Viewing:
    """A connection to a camera and what came over it."""

    def __init__(self, url: str, clock: VirtualClock | SystemClock) -> None:
        self.sink = CollectingSink()
        connection = RtspConnection(url, transport="auto", open_timeout_s=2, clock=clock)
        self.task = asyncio.create_task(connection.run(self.sink))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.001)

    async def error(self) -> BaseException | None:
        async with asyncio.timeout(30):
            await asyncio.wait({self.task})
        return self.task.exception()


@contextlib.asynccontextmanager
async def view(
    camera: RtspCamera, url: str = "", clock: VirtualClock | SystemClock | None = None
) -> AsyncIterator[Viewing]:
    viewing = Viewing(url or camera.url, clock or SystemClock())
    try:
        yield viewing
    finally:
        viewing.task.cancel()
        await asyncio.wait({viewing.task})


async def test_pictures_come_at_their_marker_without_waiting_for_the_next() -> None:
    async with RtspCamera() as camera, view(camera) as it:
        await camera.playing.wait()
        camera.send(packetize(_IDR, 0, 90_000))
        await it.until(lambda: len(it.sink.pictures) == 1)
        picture = it.sink.pictures[0]
        assert picture.is_keyframe
        assert picture.payload == _START + SPS + _START + PPS + _IDR
        camera.send(packetize(_SLICE, 3, 93_600))
        await it.until(lambda: len(it.sink.pictures) == 2)
        assert it.sink.pictures[1].payload == _SLICE
        assert it.sink.pictures[1].ticks - picture.ticks == 3600
        assert it.sink.formats[0].codec == "h264"
        assert it.sink.formats[0].fps == 25
        assert camera.requests == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]


async def test_the_end_says_goodbye_to_the_server() -> None:
    async with RtspCamera() as camera:
        async with view(camera):
            await camera.playing.wait()
        async with asyncio.timeout(30):
            while "TEARDOWN" not in camera.requests:  # noqa: ASYNC110 - a list
                await asyncio.sleep(0.001)
        assert camera.headers[-1]["Session"] == "4711"


@pytest.mark.parametrize("scheme", ["Basic", "MD5", "SHA-256"])
async def test_a_login_of_every_scheme_is_given(scheme: str) -> None:
    manners = CameraManners(login=("doctor", "se:cr@t"), scheme=scheme)
    async with RtspCamera(manners) as camera:
        url = camera.url.replace("rtsp://", "rtsp://doctor:se%3Acr%40t@")
        async with view(camera, url):
            async with asyncio.timeout(30):
                await camera.playing.wait()
        await check_rtsp(url, "auto", 30)
        wrong = camera.url.replace("rtsp://", "rtsp://doctor:wrong@")
        with pytest.raises(SourceLoginError, match="refused the user name or the password") as no:
            await check_rtsp(wrong, "auto", 5)
        assert "wrong" not in str(no.value)
        with pytest.raises(SourceLoginError, match="wants a login"):
            await check_rtsp(camera.url, "auto", 5)


@pytest.mark.parametrize(
    ("method", "status", "error", "words"),
    [
        ("DESCRIBE", "404 Not Found", SourceRefusedError, "no stream at this path"),
        ("DESCRIBE", "403 Forbidden", SourceLoginError, "may not see"),
        ("DESCRIBE", "500 Oops<script>", SourceRefusedError, "500 Oopsscript"),
        ("SETUP", "453 Not Enough Bandwidth", SourceRefusedError, "453"),
        ("PLAY", "455 Method Not Valid", SourceRefusedError, "455"),
    ],
)
async def test_refusals_are_told_in_words(
    method: str, status: str, error: type[SourceError], words: str
) -> None:
    async with (
        RtspCamera(CameraManners(statuses={method: status})) as camera,
        view(camera) as it,
    ):
        caught = await it.error()
        assert type(caught) is error
        assert words in str(caught)


async def test_a_port_where_nothing_listens_is_told() -> None:
    url = f"rtsp://u:secret@127.0.0.1:{free_port()}/live"
    with pytest.raises(SourceUnreachableError, match="nothing listens") as caught:
        await check_rtsp(url, "auto", 30)
    assert "secret" not in str(caught.value)
    with pytest.raises(SourceUnreachableError, match="no host is known by the name"):
        await check_rtsp("rtsp://nobody.invalid/", "auto", 5)


async def test_packets_before_the_answer_to_play_are_not_lost() -> None:
    manners = CameraManners(rtp_before_play=packetize(_IDR, 0, 0))
    async with RtspCamera(manners) as camera, view(camera) as it:
        await it.until(lambda: len(it.sink.pictures) == 1)


async def test_other_channels_other_types_and_noise_are_left_out() -> None:
    async with RtspCamera() as camera, view(camera) as it:
        await camera.playing.wait()
        camera.send([b"", b"short", rtp_packet(9, 9, b"\x65x", marker=True, payload_type=8)])
        camera.send(packetize(_IDR, 0, 0), channel=7)
        camera.send_raw(b"\r\n")
        camera.send(packetize(_IDR, 0, 0))
        await it.until(lambda: len(it.sink.pictures) == 1)


async def test_a_lost_packet_is_counted_and_the_next_picture_comes() -> None:
    async with RtspCamera() as camera, view(camera) as it:
        await camera.playing.wait()
        packets = packetize(_IDR, 0, 0)
        camera.send(packets[:1] + packets[2:] + packetize(_SLICE, len(packets), 3600))
        await it.until(lambda: len(it.sink.pictures) == 1)
        assert it.sink.lost_pictures == 1
        assert it.sink.pictures[0].payload == _SLICE


async def test_a_goodbye_ends_the_stream_without_an_error() -> None:
    async with RtspCamera() as camera, view(camera) as it:
        await camera.playing.wait()
        camera.send([bytes([0x80, 201, 0, 1]) + bytes(4) + bytes([0x81, 203, 0, 1]) + bytes(4)], 1)
        camera.hang_up()
        assert await it.error() is None


@pytest.mark.parametrize(
    "noise",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"x" * 70_000,
        b"RTSP/1.0 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n" + b"A: b\r\n" * 100 + b"\r\n",
        b"RTSP/1.0 abc\r\n\r\n",
    ],
)
async def test_what_is_no_rtsp_ends_the_connection_with_words(noise: bytes) -> None:
    async with RtspCamera() as camera, view(camera) as it:
        await camera.playing.wait()
        camera.send_raw(noise + b"\n\r\n\r\n")
        caught = await it.error()
        assert isinstance(caught, SourceError)
        assert "speaks no RTSP" in str(caught)


async def test_a_server_that_asks_gets_an_answer() -> None:
    async with RtspCamera() as camera, view(camera) as it:
        await camera.playing.wait()
        camera.send_raw(
            b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\nREDIRECT * RTSP/1.0\r\nCSeq: 8\r\n\r\n"
        )
        await it.until(lambda: camera.requests[4:] == ["answer 200", "answer 501"])


async def test_the_session_is_kept_alive_at_half_its_timeout() -> None:
    clock = VirtualClock()
    async with (
        RtspCamera(CameraManners(timeout_s=20)) as camera,
        view(camera, clock=clock) as it,
    ):
        await camera.playing.wait()
        start_ns = clock.monotonic_ns()
        for number in range(1, 4):
            assert await clock.next_deadline_ns() == start_ns + number * 10_000_000_000
            await clock.advance(10)
            await it.until(lambda n=number: camera.requests[4:] == ["GET_PARAMETER"] * n)  # type: ignore[misc]


async def test_a_refused_keep_alive_is_repeated_once_an_interval() -> None:
    clock = VirtualClock()
    async with RtspCamera(CameraManners(timeout_s=20, refuses_keep_alives=True)) as camera:
        url = f"rtsp://doctor:secret@127.0.0.1:{camera.port}/live"
        async with view(camera, url, clock) as it:
            await camera.playing.wait()
            for number in range(1, 4):
                await clock.next_deadline_ns()
                await clock.advance(10)
                await it.until(lambda n=number: camera.requests.count("GET_PARAMETER") >= 2 * n)  # type: ignore[misc]
                # Whatever the answers brought about comes before the answer to this.
                camera.send_raw(b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n")
                await it.until(lambda n=number: camera.requests.count("answer 200") == n)  # type: ignore[misc]
                assert camera.requests.count("GET_PARAMETER") == 2 * number


async def test_other_codecs_are_left_to_ffmpeg_and_the_reason_is_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with RtspCamera(CameraManners(encoding="H265")) as camera:
        async with view(camera) as it:
            await it.until(lambda: camera.requests.count("DESCRIBE") == 2)
        assert any("Lavf" in headers.get("User-Agent", "") for headers in camera.headers)
    shown = capsys.readouterr().out
    assert "its video is H265, not H264" in shown


async def test_the_attempt_after_one_that_was_left_to_ffmpeg_asks_for_no_description_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SourceRefusedError("the server is busy")

    monkeypatch.setattr("server.media.container.open_rtsp", refuse)
    async with RtspCamera(CameraManners(encoding="H265")) as camera:
        connection = RtspConnection(
            camera.url, transport="auto", open_timeout_s=2, clock=SystemClock()
        )
        described = []
        for _ in range(4):
            with pytest.raises(SourceRefusedError, match="the server is busy"):
                await connection.run(CollectingSink())
            described.append(camera.requests.count("DESCRIBE"))
    assert described == [1, 1, 2, 2]
