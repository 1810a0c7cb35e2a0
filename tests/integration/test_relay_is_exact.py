"""What a viewer decodes is what the source holds, bit for bit."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from server.media.frame import CLOCK_RATE_HZ
from server.media.frame_assembler import RtpFrame
from server.media.source import parse_source
from tests.fakes.whep_room import open_room, until, view

_FPS = 200
_TICKS = CLOCK_RATE_HZ // _FPS
_FRAMES_IN_FILE = 400
_WANTED = 1000

Planes = npt.NDArray[np.uint8]


def _write_scene(path: Path, codec: str) -> None:
    """Pictures that drift, flicker and hold noise: none equals another."""
    rng = np.random.default_rng(4)
    ground = rng.integers(0, 255, (96, 256, 3), np.uint8)
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=_FPS)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 128, 96, "yuv420p", 25
        stream.options = {"bf": "0", "preset": "ultrafast", "crf": "30"}
        if codec == "libvpx":
            stream.options = {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0"}
            stream.bit_rate = 2_000_000
        for number in range(_FRAMES_IN_FILE):
            pixels = np.roll(ground, -number, axis=1)[:, :128] // 2
            pixels = pixels + rng.integers(0, 40, pixels.shape, np.uint8) + number % 60
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)


def _decode_file(path: Path) -> list[Planes]:
    with av.open(str(path)) as source:
        return [frame.to_ndarray() for frame in source.decode(video=0)]


def _decode_received(codec: str, received: list[RtpFrame]) -> list[Planes]:
    decoder = av.CodecContext.create(codec, "r")
    coded = [av.Packet(frame.data) for frame in received]
    return [f.to_ndarray() for packet in [*coded, None] for f in decoder.decode(packet)]


@pytest.mark.parametrize(("codec", "name"), [("libx264", "scene.mp4"), ("libvpx", "scene.webm")])
@pytest.mark.hazard("H12")
async def test_a_thousand_frames_at_the_viewer_equal_the_source_bit_for_bit(
    tmp_path: Path, codec: str, name: str
) -> None:
    path = tmp_path / name
    _write_scene(path, codec)
    truth = _decode_file(path)
    assert len(truth) == _FRAMES_IN_FILE
    received: list[RtpFrame] = []
    async with open_room(parse_source(str(path), loop=True)) as room:
        await until(lambda: room.pipeline.video, "the first picture was decoded")
        peer, viewer_id = await view(room, lambda _codec, frame: received.append(frame))
        await until(lambda: len(received) > _WANTED, "a thousand frames arrived", 120)
        origin = room.origins[viewer_id]
        assert room.pipeline.encoders == 0
        await peer.close()
    frames = received[:_WANTED]
    numbers = [((f.timestamp - origin) & 0xFFFFFFFF) / _TICKS for f in frames]
    first = round(numbers[0])
    # Matroska tells times in milliseconds: a looped file's frames lie up to that far off.
    assert numbers == pytest.approx(range(first, first + _WANTED), abs=0.4), "a frame is missing"
    decoded = _decode_received("h264" if codec == "libx264" else "vp8", frames)
    assert len(decoded) == _WANTED
    differing = [
        number
        for number, planes in enumerate(decoded)
        if not np.array_equal(planes, truth[(first + number) % _FRAMES_IN_FILE])
    ]
    assert differing == []
