"""Films whose every picture carries its number (`CodedPictures`), in several codings."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from tests.fakes.code_publisher import CodedPictures

SIZE = (640, 480)
FPS = 25
TICKS = 90_000 // FPS


def write_coded_film(
    path: Path,
    frames: int,
    *,
    codec: str = "libx264",
    b_frames: int = 0,
    group: int = 25,
    first_pts: int = 0,
) -> Path:
    """Write pictures numbered from 0, 25 a second, (640, 480)."""
    pictures = CodedPictures()
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.gop_size = group
        if codec == "libx264":
            stream.options = {"preset": "veryfast", "crf": "20", "bf": str(b_frames)}
            stream.options |= {"x264-params": f"scenecut=0:b-adapt=0:keyint_min={group}"}
        else:
            stream.bit_rate = 4_000_000
            stream.options = {"qmin": "2", "qmax": "4"}
        for number in range(frames):
            picture = pictures.draw(number, SIZE)
            picture.pts, picture.time_base = first_pts + number, Fraction(1, FPS)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return path
