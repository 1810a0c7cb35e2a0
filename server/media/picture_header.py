"""Kind and size of a JPEG or PNG picture from its first bytes, before anything decodes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from server.errors import InvalidPictureError
from server.media.container import MAX_PICTURE

MAX_PICTURE_FILE_BYTES = 8 << 20

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_MAX_SEGMENTS = 256
_MARKERS_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_SCAN = 0xDA
_FRAME_MARKERS = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive; the others cannot be decoded here."""

_OTHER_FRAME_MARKERS = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What a picture says of itself; `codec` is FFmpeg's name."""

    codec: Literal["mjpeg", "png"]
    width: int
    height: int


def read_picture_header(picture: bytes) -> PictureHeader:
    """Read a picture's header and check it against the limits.

    Raises:
        InvalidPictureError: It is neither JPEG nor PNG, is cut off, or is too large.
    """
    if len(picture) > MAX_PICTURE_FILE_BYTES:
        raise InvalidPictureError(f"a picture may have {MAX_PICTURE_FILE_BYTES} bytes")
    if picture.startswith(_PNG):
        header = _read_png(picture)
    elif picture.startswith(_JPEG):
        header = _read_jpeg(picture)
    else:
        raise InvalidPictureError("the message is neither a JPEG nor a PNG picture")
    width, height = header.width, header.height
    if min(width, height) < 1:
        raise InvalidPictureError("the picture has no pixels")
    if max(width, height) > MAX_PICTURE[0] or min(width, height) > MAX_PICTURE[1]:
        raise InvalidPictureError(
            f"pictures of {width}x{height} are too large;"
            f" the limit is {MAX_PICTURE[0]}x{MAX_PICTURE[1]}"
        )
    return header


def _read_png(picture: bytes) -> PictureHeader:
    """Read the IHDR chunk, which comes first (PNG specification, 11.2.1)."""
    if len(picture) < 33 or picture[12:16] != b"IHDR":
        raise InvalidPictureError("the PNG picture is cut off")
    width, height = (int.from_bytes(picture[start : start + 4], "big") for start in (16, 20))
    return PictureHeader("png", width, height)


def _read_jpeg(picture: bytes) -> PictureHeader:
    """Walk the segments to the frame header (ITU-T T.81, annex B)."""
    position = 2
    for _ in range(_MAX_SEGMENTS):
        while picture[position : position + 2] == b"\xff\xff":
            position += 1
        if len(picture) < position + 4 or picture[position] != 0xFF:
            break
        marker = picture[position + 1]
        if marker in _MARKERS_WITHOUT_LENGTH:
            position += 2
            continue
        if marker in _OTHER_FRAME_MARKERS:
            raise InvalidPictureError("this kind of JPEG (lossless or arithmetic) is not decoded")
        if marker in _FRAME_MARKERS:
            return _read_jpeg_frame(picture[position + 4 : position + 10])
        if marker == _SCAN:
            break
        position += 2 + int.from_bytes(picture[position + 2 : position + 4], "big")
    raise InvalidPictureError("the JPEG picture is cut off or broken")


def _read_jpeg_frame(header: bytes) -> PictureHeader:
    if len(header) < 6:
        raise InvalidPictureError("the JPEG picture is cut off or broken")
    if header[0] != 8:
        raise InvalidPictureError(f"JPEG pictures of {header[0]} bits are not decoded")
    height, width = (int.from_bytes(header[start : start + 2], "big") for start in (1, 3))
    return PictureHeader("mjpeg", width, height)
