from __future__ import annotations

from pathlib import Path

import av
import pytest

from sali_core.data.phantom import read_frame_code
from server.bench.coded_video import (
    BLOCK_PX,
    CodedVideo,
    VideoShape,
    parse_size,
    slices_of,
    write_coded_video,
)
from server.bench.rtp_packets import packetize, split_picture
from server.errors import BenchError
from server.media import h264
from server.media.rtsp.depacketizer import H264Depacketizer, parse_rtp

SHAPE = VideoShape(480, 240, fps=10, seconds=2, kbps=800)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("coded") / "coded.mp4"
    write_coded_video(path, SHAPE)
    return path


def test_every_picture_tells_its_number_after_coding(file: Path) -> None:
    code = (0.0, 240.0 - 2 * BLOCK_PX, 16.0 * BLOCK_PX, 2.0 * BLOCK_PX)
    with av.open(str(file)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert [read_frame_code(frame, code) for frame in frames] == list(range(SHAPE.pictures))


def test_each_second_begins_with_a_keyframe_that_browsers_can_play(file: Path) -> None:
    video = CodedVideo.read(file)
    assert [h264.has_idr(p) for p in video.pictures] == [n % 10 == 0 for n in range(20)]
    assert not any(h264.has_b_slice(picture) for picture in video.pictures)
    assert h264.has_parameter_sets(video.pictures[10])
    assert video.ticks == 9000


def test_no_two_pictures_have_the_same_bytes(file: Path) -> None:
    video = CodedVideo.read(file)
    numbers = video.numbers()
    assert len(numbers) == SHAPE.pictures
    assert numbers[slices_of(video.pictures[7])] == 7


def test_the_publishers_packets_make_the_picture_again(file: Path) -> None:
    picture = CodedVideo.read(file).pictures[0]
    packets = packetize(split_picture(picture), 65_534, 1234)
    assert len(packets) > 3
    depacketizer = H264Depacketizer()
    units = [depacketizer.add(parsed) for packet in packets if (parsed := parse_rtp(packet))]
    (unit,) = [unit for unit in units if unit is not None]
    assert slices_of(unit.payload) == slices_of(picture)
    assert unit.timestamp == 1234
    assert depacketizer.lost == 0


@pytest.mark.parametrize(
    "text", ["", "720p", "1280", "1281x720", "100x100", "99999x99998", "-2x-2"]
)
def test_a_size_that_cannot_be_used_is_refused_with_the_cure(text: str) -> None:
    with pytest.raises(BenchError, match="--size"):
        parse_size(text)


def test_a_size_is_width_by_height() -> None:
    assert parse_size("1920x1080") == (1920, 1080)
