"""Capture devices: what people write, what is told; pictures come from files in their formats."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import av
import pytest
from av.container import InputContainer

from server.errors import SourceError, SourceRefusedError, SourceUnreachableError
from server.media.av_connection import AvConnection, Opener
from server.media.capture import CaptureDevice, open_capture, parse_capture
from server.media.clock import SystemClock
from server.media.container import stream_format
from server.media.source import check_source, parse_source
from tests.fakes.collecting_sink import CollectingSink
from tests.fakes.video_files import write_raw_pictures, write_video


def test_a_device_is_written_with_its_options() -> None:
    spec = parse_source("/dev/video2?size=1920x1080&fps=59.94&format=mjpeg")
    assert (spec.kind, spec.label) == ("capture", "/dev/video2")
    assert parse_capture(spec.target) == CaptureDevice(
        "/dev/video2", (("size", "1920x1080"), ("fps", "59.94"), ("format", "mjpeg"))
    )
    assert parse_source("/dev/v4l/by-id/usb-Card_1-video-index0").kind == "capture"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/dev/video", "written /dev/videoN"),
        ("/dev/video0/../sda", "written /dev/videoN"),
        ("/dev/v4l/../sda", "written /dev/videoN"),
        ("/dev/video0?size=big", "size=1920x1080"),
        ("/dev/video0?size=0x10", "size=1920x1080"),
        ("/dev/video0?fps=-1", "fps=60"),
        ("/dev/video0?format=MJPG;x", "format=mjpeg"),
        ("/dev/video0?volume=11", "size, fps, format"),
    ],
)
def test_what_cannot_be_a_device_is_refused_with_an_example(text: str, words: str) -> None:
    with pytest.raises(SourceRefusedError, match=words):
        parse_source(text)


def test_a_device_that_is_not_there_is_told_with_the_cure() -> None:
    with pytest.raises(SourceUnreachableError, match="plug the capture device in"):
        check_source(parse_source("/dev/video9999"))


def test_a_file_that_is_no_device_is_told(tmp_path: Path) -> None:
    film = write_video(tmp_path / "a.mp4")
    with pytest.raises(SourceError, match="is no capture device that can be read"):
        open_capture(CaptureDevice(str(film)))


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [
        (errno.EBUSY, SourceUnreachableError, "used by another program.*fuser"),
        (errno.EACCES, SourceRefusedError, "group `video`"),
        (errno.EPERM, SourceRefusedError, "group `video`"),
        (errno.ENODEV, SourceUnreachableError, "plug the capture device in"),
        (errno.EINVAL, SourceError, "does not deliver size=1x1.*list-formats-ext"),
        (errno.EIO, SourceError, "no capture device"),
    ],
)
def test_every_failure_names_cause_and_cure(
    number: int, error: type[SourceError], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(av, "open", fail)
    with pytest.raises(error, match=words):
        open_capture(CaptureDevice("/dev/video0", (("size", "1x1"),)))


async def _read(opener: Opener) -> CollectingSink:
    sink = CollectingSink()
    async with asyncio.timeout(60):
        await AvConnection(opener, SystemClock()).run(sink)
    return sink


async def test_raw_pictures_are_told_so_that_they_can_be_decoded(tmp_path: Path) -> None:
    path = write_raw_pictures(tmp_path / "a.yuv", "yuyv422", 5)
    options = {"pixel_format": "yuyv422", "video_size": "64x48", "framerate": "25"}
    opener = Opener(lambda: av.open(str(path), format="rawvideo", options=options), "card", True)
    sink = await _read(opener)
    told = sink.formats[0]
    assert (told.codec, told.raw_format, told.size) == ("rawvideo", "yuyv422", (64, 48))
    assert len(sink.pictures) == 5
    assert all(p.is_keyframe and len(p.payload) == 64 * 48 * 2 for p in sink.pictures)
    assert sink.pictures[1].ticks - sink.pictures[0].ticks == 3600


async def test_motion_jpeg_pictures_come_one_by_one(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", codec="mjpeg", pixel_format="yuvj420p", frames=4)
    sink = await _read(Opener(lambda: av.open(str(path)), "card", True))
    assert sink.formats[0].codec == "mjpeg"
    assert len(sink.pictures) == 4
    assert all(p.payload.startswith(b"\xff\xd8") for p in sink.pictures)


def test_a_coded_stream_tells_no_raw_format(tmp_path: Path) -> None:
    with av.open(str(write_video(tmp_path / "a.mp4"))) as film:
        assert stream_format(film.streams.video[0]).raw_format == ""


@pytest.mark.parametrize("fault", [TypeError("secret"), ValueError("secret")])
async def test_a_fault_that_nobody_expected_ends_the_connection(fault: Exception) -> None:
    def fail() -> InputContainer:
        raise fault

    with pytest.raises(SourceError) as caught:
        await _read(Opener(fail, "card", True))
    assert str(caught.value) == f"card: reading failed ({type(fault).__name__})"


async def test_an_error_of_opening_arrives() -> None:
    with pytest.raises(SourceUnreachableError):
        await _read(Opener(lambda: open_capture(CaptureDevice("/dev/video9999")), "card", True))
