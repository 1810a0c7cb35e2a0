"""Single JPEG and PNG pictures, made on the spot."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from PIL import Image


def jpeg(width: int, height: int, brightness: int = 90, pixel_format: str = "yuvj420p") -> bytes:
    """Return a flat grey JPEG picture."""
    return _encode("mjpeg", pixel_format, width, height, brightness)


def unsupported_jpeg(width: int, height: int) -> bytes:
    """Return a JPEG picture whose header is in order and whose sampling FFmpeg does not decode."""
    picture = bytearray(jpeg(width, height))
    frame_header = picture.index(b"\xff\xc0")
    for component, sampling in enumerate((0x22, 0x12, 0x31)):
        picture[frame_header + 11 + 3 * component] = sampling
    return bytes(picture)


def png(width: int, height: int, brightness: int = 90, pixel_format: str = "rgb24") -> bytes:
    """Return a flat grey PNG picture."""
    return _encode("png", pixel_format, width, height, brightness)


def pillow_picture(mode: str, kind: str, **options: bool) -> bytes:
    """Return a picture of 40x30 in one of Pillow's modes, as a "JPEG" or "PNG" file."""
    content = io.BytesIO()
    Image.new(mode, (40, 30)).save(content, kind, **options)
    return content.getvalue()


def jpeg_of(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return a picture as a JPEG."""
    return _encode_pixels("mjpeg", "yuvj420p", pixels)


def png_of(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return a picture as a PNG."""
    return _encode_pixels("png", "rgb24", pixels)


def _encode(codec: str, pixel_format: str, width: int, height: int, brightness: int) -> bytes:
    pixels = np.full((height, width, 3), brightness, np.uint8)
    return _encode_pixels(codec, pixel_format, pixels)


def _encode_pixels(codec: str, pixel_format: str, pixels: npt.NDArray[np.uint8]) -> bytes:
    height, width = pixels.shape[:2]
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, pixel_format
    encoder.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=pixel_format)
    frame.pts = 0
    return b"".join(bytes(p) for p in [*encoder.encode(frame), *encoder.encode(None)])
