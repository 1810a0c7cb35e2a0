"""The test video: moving texture with each picture's number drawn into it, coded once.

The number is a frame code (`sali_core.data.phantom.frame_code`) of 24 px blocks in the bottom left
corner: 16 bits and below them their complement, so that whoever reads it knows that it is whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from sali_core.data.phantom.frame_code import draw_frame_code
from server.errors import BenchError
from server.media import h264
from server.media.file_source import FileReader

BLOCK_PX = 24
_CODE_SIZE = (16 * BLOCK_PX, 2 * BLOCK_PX)
_STEP_PX = 3


@dataclass(frozen=True)
class VideoShape:
    """What is published.

    Attributes:
        width: Pixels, even, wide enough for the code.
        height: Pixels, even.
        fps: Pictures a second; one in so many is a keyframe.
        seconds: Length of the loop.
        kbps: Mean rate.
    """

    width: int = 1280
    height: int = 720
    fps: int = 25
    seconds: int = 10
    kbps: int = 4000

    @property
    def pictures(self) -> int:
        """Pictures of one round."""
        return self.fps * self.seconds

    @property
    def text(self) -> str:
        """For people: `1280x720 at 25 fps, 4000 kbit/s`."""
        return f"{self.width}x{self.height} at {self.fps} fps, {self.kbps} kbit/s"


def parse_size(text: str) -> tuple[int, int]:
    """Read `1280x720`.

    Raises:
        BenchError: It is no such size, odd, too small for the code, or larger than 4096x2304.
    """
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise BenchError(f"--size {text!r}: give width and height such as 1280x720")
    size = int(width), int(height)
    if size[0] % 2 or size[1] % 2 or not (480 <= size[0] <= 4096 and 240 <= size[1] <= 2304):
        raise BenchError(f"--size {text}: give even numbers from 480x240 to 4096x2304")
    return size


def write_coded_video(path: Path, shape: VideoShape) -> None:
    """Render and encode one round: H.264 baseline without B pictures, a keyframe a second."""
    texture = _texture(shape)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264",
            rate=shape.fps,
            options={
                "preset": "veryfast",
                "tune": "zerolatency",
                "profile": "baseline",
                "maxrate": f"{shape.kbps}k",
                "bufsize": f"{shape.kbps // 2}k",
                "x264-params": "scenecut=0",
            },
        )
        stream.width, stream.height, stream.pix_fmt = shape.width, shape.height, "yuv420p"
        stream.bit_rate, stream.gop_size = shape.kbps * 1000, shape.fps
        stream.codec_context.time_base = Fraction(1, shape.fps)
        for number in range(shape.pictures):
            picture = _picture(texture, shape, number)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def render_coded_video(folder: Path, shape: VideoShape, progress: Callable[[str], None]) -> Path:
    """Write a benchmark's video into its folder, tell so, and return the file."""
    progress("rendering the test video")
    file = folder / "coded.mp4"
    write_coded_video(file, shape)
    return file


def _texture(shape: VideoShape) -> npt.NDArray[np.uint8]:
    """Reddish noise of several sizes, larger than the picture, so that it can be moved under it."""
    rng = np.random.default_rng(7)
    room = _STEP_PX * shape.fps
    height, width = shape.height + room, shape.width + room
    total = np.zeros((height, width), np.float32)
    for cell, weight in ((64, 50), (16, 30), (4, 14)):
        coarse = rng.standard_normal((height // cell + 1, width // cell + 1), dtype=np.float32)
        total += weight * coarse.repeat(cell, 0).repeat(cell, 1)[:height, :width]
    tint = np.array([150, 90, 70], np.float32)
    pixels: npt.NDArray[np.uint8] = (
        (tint + total[..., None] * np.array([0.7, 0.5, 0.4], np.float32))
        .clip(20, 220)
        .astype(np.uint8)
    )
    return pixels


def _picture(
    texture: npt.NDArray[np.uint8], shape: VideoShape, number: int
) -> npt.NDArray[np.uint8]:
    """The texture, moved to and fro, with the number on it."""
    phase = number % (2 * shape.fps)
    shift = _STEP_PX * min(phase, 2 * shape.fps - phase)
    picture = texture[shift : shift + shape.height, shift : shift + shape.width].copy()
    draw_frame_code(picture, number, block_px=BLOCK_PX)
    return picture


@dataclass(frozen=True)
class CodedVideo:
    """The coded pictures of one round, Annex B; the first is a keyframe."""

    pictures: tuple[bytes, ...]
    fps: float

    @classmethod
    def read(cls, path: Path) -> CodedVideo:
        """Read a file that `write_coded_video` wrote."""
        reader = FileReader(str(path))
        try:
            pictures: list[bytes] = []
            while batch := reader.read(64):
                pictures += [packet.payload for packet in batch]
            return cls(tuple(pictures), reader.format.fps or 25.0)
        finally:
            reader.close()

    @property
    def ticks(self) -> int:
        """From one picture to the next, 90 kHz."""
        return round(90_000 / self.fps)

    def numbers(self) -> dict[bytes, int]:
        """Number of each picture by its slices; see `slices_of`."""
        return {slices_of(picture): number for number, picture in enumerate(self.pictures)}


def slices_of(picture: bytes) -> bytes:
    """Return a picture's slices alone: transports put parameter sets in front in different ways."""
    return b"".join(unit for unit in h264.iter_nal_units(picture) if unit[0] & 0x1F in (1, 5))
