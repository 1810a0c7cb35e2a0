"""Pictures of every size, kind and state of repair, from every kind of source: followed or refused.

Refused means: told with its cause within a second, and nothing else harmed.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import av
import pytest
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from server.errors import InvalidPictureError, UnsupportedCodecError
from server.media import h264, negotiation
from server.media.frame import ModelFrame, SourceState, VideoInfo
from server.media.reconnect import RetryLimits
from server.media.source import check_source, parse_source
from server.media.source_factory import SourceOptions
from tests.fakes.pipeline_run import Run, run
from tests.fakes.rtsp_camera import RtspCamera, packetize
from tests.fakes.still_pictures import jpeg, pillow_picture, png, unsupported_jpeg
from tests.fakes.video_files import coded_pictures, write_video

_MOST_GROWTH_BYTES = 400 << 20
"""An 8k picture has 50 MB as yuv420p, and a decoder keeps some of them."""


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "size", "relayed"),
    [
        ("one.avi", "mjpeg", "yuvj420p", (1, 1), (2, 2)),
        ("one.mkv", "libx264", "yuv444p", (1, 1), (2, 2)),
        ("odd.mkv", "libx264", "yuv444p", (17, 13), (16, 12)),
        ("odd.webm", "libvpx-vp9", "yuv420p", (65, 49), (64, 48)),
        ("grey.mkv", "ffv1", "gray", (33, 17), (32, 16)),
        ("tall.mkv", "mjpeg", "yuvj420p", (8, 2300), (8, 2300)),
        ("deep.mkv", "libx264", "yuv420p10le", (64, 48), (64, 48)),
        ("deep_hevc.mkv", "libx265", "yuv420p10le", (64, 48), (64, 48)),
        ("deep.mov", "prores_ks", "yuv422p10le", (64, 48), (64, 48)),
        ("av1.mkv", "libsvtav1", "yuv420p", (64, 64), (64, 64)),
    ],
)
async def test_a_file_of_an_odd_kind_is_followed(
    tmp_path: Path,
    name: str,
    codec: str,
    pixel_format: str,
    size: tuple[int, int],
    relayed: tuple[int, int],
) -> None:
    # The model gets the newest pictures: on a busy machine not all of them.
    path = write_video(
        tmp_path / name, frames=30, codec=codec, pixel_format=pixel_format, size=size
    )
    check_source(parse_source(str(path)))
    async with run(parse_source(str(path))) as running:
        await running.until_state(SourceState.ENDED)
        await running.until(8)
    assert running.pipeline.video == VideoInfo(*relayed, 25.0, "h264")
    assert running.pipeline.drops["corrupt"] == 0
    assert {frame.source_size[::-1] for frame in running.frames} == {relayed}
    assert {frame.pts for frame in running.frames} <= {packet.pts for packet in running.packets}


@pytest.mark.parametrize(("name", "codec"), [("8k.ts", "libx264"), ("8k.avi", "mjpeg")])
async def test_a_file_of_8k_is_refused_before_it_is_decoded(
    tmp_path: Path, name: str, codec: str
) -> None:
    pixel_format = "yuv420p" if codec == "libx264" else "yuvj420p"
    path = write_video(
        tmp_path / name, codec=codec, pixel_format=pixel_format, size=(7680, 4320), frames=1
    )
    before = _peak_bytes()
    with pytest.raises(UnsupportedCodecError, match=r"7680x4320 are too large; the limit is"):
        check_source(parse_source(str(path)))
    async with run(parse_source(str(path))) as running:
        await running.until_state(SourceState.FAILED)
        assert "7680x4320 are too large" in running.pipeline.reason
    assert running.frames == []
    assert _peak_bytes() - before < _MOST_GROWTH_BYTES


async def test_a_file_without_one_picture_that_can_be_decoded_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number in range(6):
            packet = av.Packet(unsupported_jpeg(64, 48))
            packet.stream, packet.pts, packet.dts = stream, number, number
            packet.time_base = Fraction(1, 25)
            output.mux(packet)
    async with run(parse_source(str(path))) as running:
        await running.until_state(SourceState.FAILED)
        assert running.pipeline.reason == "a.avi: none of its pictures can be decoded"


_STILLS = {
    "1x1 JPEG": jpeg(1, 1),
    "1x1 PNG": png(1, 1),
    "odd JPEG": jpeg(33, 17, pixel_format="yuvj444p"),
    "grey JPEG": pillow_picture("L", "JPEG"),
    "CMYK JPEG": pillow_picture("CMYK", "JPEG"),
    "progressive JPEG": pillow_picture("RGB", "JPEG", progressive=True),
    "PNG with a palette": pillow_picture("P", "PNG"),
    "PNG of one bit": pillow_picture("1", "PNG"),
    "PNG of 16 bits": png(31, 17, pixel_format="rgb48be"),
    "PNG with transparency": png(31, 17, pixel_format="rgba"),
    "grey PNG of 16 bits": png(31, 17, pixel_format="gray16be"),
    "4096x2304 JPEG": jpeg(4096, 2304),
}


async def test_pushed_pictures_of_every_kind_are_followed_one_after_the_other() -> None:
    async with run(parse_source("frames")) as running:
        await running.until_reason("waiting for a program")
        feed = running.pipeline.attach_frames()
        for number, (kind, picture) in enumerate(_STILLS.items()):
            pts = feed.push(picture, 9000 * number)
            await running.until(number + 1)
            assert running.frames[-1].pts == pts, kind
        assert running.pipeline.drops["corrupt"] == 0
        assert running.pipeline.state is SourceState.PLAYING


async def test_pushed_pictures_of_8k_are_refused_and_cut_off_ones_cost_themselves() -> None:
    huge_jpeg, huge_png = jpeg(7680, 4320), png(7680, 4320)
    before = _peak_bytes()
    async with run(parse_source("frames")) as running:
        await running.until_reason("waiting for a program")
        feed = running.pipeline.attach_frames()
        for picture in (huge_jpeg, huge_png):
            with pytest.raises(InvalidPictureError, match="7680x4320 are too large"):
                feed.push(picture, 0)
        for number, picture in enumerate((jpeg(640, 480), png(640, 480))):
            frames = len(running.frames)
            for part in range(4):
                cut = picture[: len(picture) * (part + 5) // 10]
                with contextlib.suppress(InvalidPictureError):
                    feed.push(cut, 90_000 * number + 3600 * part)
            pts = feed.push(picture, 90_000 * number + 45_000)
            await running.until_pts(pts)
            assert len(running.frames) > frames
        assert running.pipeline.state is SourceState.PLAYING
    assert _peak_bytes() - before < _MOST_GROWTH_BYTES


class Camera:
    """An RTSP camera that shows one film after the other over the same connection."""

    def __init__(self, camera: RtspCamera) -> None:
        self._camera = camera
        self._sequence = 0
        self._ticks = 90_000

    async def show(self, pictures: list[bytes], *, step: int = 3600, pause_s: float = 0.0) -> None:
        async with asyncio.timeout(60):
            await self._camera.playing.wait()
        for picture in pictures:
            self.send(picture, step)
            await asyncio.sleep(pause_s)

    def send(self, picture: bytes, step: int = 3600) -> None:
        packets = packetize(picture, self._sequence, self._ticks)
        self._camera.send(packets)
        self._sequence += len(packets)
        self._ticks += step


@contextlib.asynccontextmanager
async def watch_camera() -> AsyncIterator[tuple[Camera, RtspCamera, Run]]:
    options = SourceOptions(retry=RetryLimits(first_delay_s=0.01, refused_delay_s=0.01))
    async with RtspCamera() as camera, run(parse_source(camera.url), options=options) as running:
        yield Camera(camera), camera, running


def _units(payload: bytes) -> list[bytes]:
    """An H.264 picture without start codes, whose length packetization does not keep."""
    return list(h264.iter_nal_units(payload))


async def test_a_camera_that_changes_its_size_is_followed_at_once(tmp_path: Path) -> None:
    small = coded_pictures(write_video(tmp_path / "small.ts", frames=10))
    large = coded_pictures(write_video(tmp_path / "large.ts", frames=10, size=(322, 242)))
    async with watch_camera() as (camera, _, running):
        await camera.show(small, pause_s=0.02)
        await camera.show(large, pause_s=0.02)
        await running.until_that(lambda: running.sees((242, 322)))
        told = running.events.index("the picture size changed")
        first = next(e for e in running.events[told:] if isinstance(e, ModelFrame))
        assert first.source_size == (242, 322)
        assert running.pipeline.video is not None
        assert (running.pipeline.video.width, running.pipeline.video.height) == (322, 242)
        assert running.pipeline.encoders == 0
        await running.until_that(lambda: len(running.packets) == 20)
        assert [_units(p.payload) for p in running.packets] == [_units(p) for p in small + large]
        told_sizes = [(running.packets[0].pts, 64, 48), (running.packets[10].pts, 322, 242)]
        assert running.sizes == told_sizes, "from which relayed picture on"


async def test_a_camera_that_changes_its_rate_is_followed(tmp_path: Path) -> None:
    film = coded_pictures(write_video(tmp_path / "a.ts", frames=30))
    async with watch_camera() as (camera, _, running):
        await camera.show(film, pause_s=0.005)
        await running.until_that(lambda: running.pipeline.video is not None)
        await camera.show(film * 2, step=1800, pause_s=0.005)
        await running.until_that(
            lambda: running.pipeline.video is not None and running.pipeline.video.fps == 50.0
        )
        assert [e for e in running.events if isinstance(e, str)] == []


async def test_a_camera_that_goes_over_to_ten_bits_is_encoded_for_browsers(tmp_path: Path) -> None:
    plain = coded_pictures(write_video(tmp_path / "a.ts", frames=10))
    deep = coded_pictures(
        write_video(tmp_path / "b.ts", frames=24, pixel_format="yuv420p10le", group=6)
    )
    async with watch_camera() as (camera, _, running):
        await camera.show(plain, pause_s=0.02)
        assert running.pipeline.encoders == 0
        await camera.show(deep, pause_s=0.02)
        await running.until_that(lambda: running.pipeline.encoders == 1)
        await running.until_pts(32 * 3600)
        last = running.frames[-1].pts
        await running.until_that(lambda: last in {packet.pts for packet in running.packets})


async def test_cut_off_pictures_of_a_camera_cost_the_group_they_are_in(tmp_path: Path) -> None:
    film = coded_pictures(write_video(tmp_path / "a.ts", frames=12, size=(320, 240)))
    async with watch_camera() as (camera, _, running):
        await camera.show(film, pause_s=0.02)
        await camera.show([picture[: len(picture) // 2] for picture in film], pause_s=0.02)
        await camera.show(film, pause_s=0.02)
        await running.until_pts(3600 * 34)
        assert running.pipeline.state is SourceState.PLAYING
        assert {frame.source_size for frame in running.frames} == {(240, 320)}


async def test_a_camera_that_goes_over_to_8k_is_refused_and_taken_back(tmp_path: Path) -> None:
    film = coded_pictures(write_video(tmp_path / "a.ts", frames=10))
    huge = coded_pictures(write_video(tmp_path / "b.ts", frames=1, size=(7680, 4320)))
    before = _peak_bytes()
    async with watch_camera() as (camera, device, running):
        await camera.show(film, pause_s=0.02)
        device.playing.clear()
        began = asyncio.get_running_loop().time()
        camera.send(huge[0])
        await running.until_reason("7680x4320 are too large")
        assert asyncio.get_running_loop().time() - began < 10
        again = Camera(device)
        await again.show(film, pause_s=0.02)
        await running.until_that(lambda: "the source was connected again" in running.events)
        await running.until_state(SourceState.PLAYING)
    assert _peak_bytes() - before < _MOST_GROWTH_BYTES


class FilmTrack(MediaStreamTrack):
    """Publishes coded H.264 pictures as they are, 50 a second, again and again."""

    kind = "video"

    def __init__(self, pictures: list[bytes]) -> None:
        super().__init__()
        self._pictures = pictures
        self._number = 0

    async def recv(self) -> av.Packet:
        if self.readyState != "live":
            raise MediaStreamError
        await asyncio.sleep(0.02)
        packet = av.Packet(self._pictures[self._number % len(self._pictures)])
        packet.pts, packet.time_base = 1800 * self._number, Fraction(1, 90_000)
        self._number += 1
        return packet


@contextlib.asynccontextmanager
async def publish(running: Run, pictures: list[bytes]) -> AsyncIterator[RTCPeerConnection]:
    peer = negotiation.create_peer()
    transceiver = peer.addTransceiver(FilmTrack(pictures), "sendonly")
    transceiver.setCodecPreferences(negotiation.video_codecs("H264"))
    await peer.setLocalDescription(await peer.createOffer())
    _, answer = await running.pipeline.whip_accept(peer.localDescription.sdp)
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    try:
        yield peer
    finally:
        await peer.close()


async def test_a_publisher_of_pictures_over_the_limit_is_sent_away_and_the_next_taken(
    tmp_path: Path,
) -> None:
    huge = coded_pictures(write_video(tmp_path / "b.ts", frames=2, size=(4200, 64), group=1))
    film = coded_pictures(write_video(tmp_path / "a.ts", frames=12, group=6))
    async with run(parse_source("whip")) as running:
        await running.until_reason("waiting for a publisher")
        async with publish(running, huge):
            await running.until_reason("4200x64 are too large")
            assert running.pipeline.reason.endswith("; waiting for a publisher")
            assert running.pipeline.state is SourceState.RECONNECTING
        async with publish(running, film):
            await running.until(5)
            assert running.frames[-1].source_size == (48, 64)
            assert running.pipeline.state is SourceState.PLAYING


async def test_a_publisher_that_changes_its_size_is_followed(tmp_path: Path) -> None:
    small = coded_pictures(write_video(tmp_path / "a.ts", frames=12))
    large = coded_pictures(write_video(tmp_path / "b.ts", frames=12, size=(128, 96)))
    async with run(parse_source("whip")) as running:
        await running.until_reason("waiting for a publisher")
        async with publish(running, small + large):
            await running.until_that(
                lambda: {frame.source_size for frame in running.frames} == {(48, 64), (96, 128)}
            )
            assert "the picture size changed" in running.events
