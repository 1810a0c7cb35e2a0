"""Small video files for tests, made on the spot."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt


def write_video(
    path: Path,
    *,
    frames: int = 12,
    size: tuple[int, int] = (64, 48),
    fps: int = 25,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    group: int = 6,
    b_frames: int = 0,
) -> Path:
    """Write a film of flat grey pictures, each `10 * index` bright (wrapping at 240)."""
    width, height = size
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.gop_size = group
        if codec == "libx264":
            stream.options = {"bf": str(b_frames), "preset": "ultrafast", "crf": "10"}
            if b_frames:
                stream.options |= {"b-adapt": "0", "preset": "veryfast"}
        if codec == "libx265":
            stream.options = {"preset": "ultrafast", "x265-params": "bframes=0:log-level=error"}
        for index in range(frames):
            pixels = np.full((height, width, 3), 10 * index % 240, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    return path


def coded_pictures(path: Path) -> list[bytes]:
    """Return the packets of a file that needs no filter: .ts, .h264, .hevc, .avi, .mpg, .webm."""
    with av.open(str(path)) as film:
        return [bytes(packet) for packet in film.demux(video=0) if packet.size]


def write_raw_pictures(path: Path, pixel_format: str, pictures: int) -> Path:
    """Write flat grey pictures of 64x48 as a capture device hands them out, without coding."""
    pixels = np.full((48, 64, 3), 90, np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=pixel_format)
    path.write_bytes(frame.to_ndarray().tobytes() * pictures)
    return path


def write_frames(
    path: Path,
    frames: list[npt.NDArray[np.uint8]],
    *,
    fps: int = 25,
    codec: str = "libx264",
    group: int | None = None,
) -> Path:
    """Write pictures of one size, as H.264 at a quality that a tower would send."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if group is not None:
            stream.gop_size = group
        if codec == "libx264":
            stream.options = {"bf": "0", "preset": "ultrafast", "crf": "23"}
        elif codec == "libx265":
            stream.options = {"preset": "ultrafast", "x265-params": "bframes=0:log-level=error"}
        for pixels in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels.copy(), "rgb24")):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    return path
