from __future__ import annotations

import struct

import pytest

from server.errors import InvalidPictureError
from server.media.picture_header import MAX_PICTURE_FILE_BYTES, PictureHeader, read_picture_header
from tests.fakes.still_pictures import jpeg, png


@pytest.mark.parametrize("size", [(1, 1), (33, 17), (640, 480)])
def test_kind_and_size_are_read(size: tuple[int, int]) -> None:
    assert read_picture_header(jpeg(*size)) == PictureHeader("mjpeg", *size)
    assert read_picture_header(png(*size)) == PictureHeader("png", *size)


def _claiming(width: int, height: int) -> bytes:
    """A PNG header that claims a size."""
    return png(1, 1)[:16] + struct.pack(">II", width, height) + png(1, 1)[24:]


@pytest.mark.parametrize("size", [(4097, 100), (2305, 2305), (2**31, 1), (0, 5), (5, 0)])
def test_pictures_that_claim_too_much_are_refused_before_they_are_decoded(
    size: tuple[int, int],
) -> None:
    with pytest.raises(InvalidPictureError):
        read_picture_header(_claiming(*size))


def test_the_largest_picture_passes_either_way_round() -> None:
    assert read_picture_header(_claiming(4096, 2304)).width == 4096
    assert read_picture_header(_claiming(2304, 4096)).height == 4096


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "neither"),
        (b"GIF89a" + bytes(50), "neither"),
        (png(4, 4)[:20], "cut off"),
        (jpeg(4, 4)[:30], "cut off"),
        (b"\xff\xd8", "cut off"),
        (b"\xff\xd8" + b"\xff" * 5000, "cut off"),
        (b"\xff\xd8" + b"\xff\xe0\x00\x02" * 1000, "cut off"),
        (b"\xff\xd8\xff\xc3\x00\x0b\x08\x00\x04\x00\x04", "lossless"),
        (b"\xff\xd8\xff\xc1\x00\x0b\x0c\x00\x04\x00\x04\x01", "12 bits"),
        (bytes(MAX_PICTURE_FILE_BYTES + 1), "bytes"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(InvalidPictureError, match=words):
        read_picture_header(content)


def test_every_cut_of_a_picture_is_read_or_refused() -> None:
    for picture in (jpeg(40, 30), png(40, 30)):
        for length in range(min(len(picture), 700)):
            try:
                assert read_picture_header(picture[:length]).width == 40
            except InvalidPictureError:
                continue
