from __future__ import annotations

import av
import numpy as np
import pytest

from server.media.cropper import Cropper, rgb_rows


def _smooth(width: int, height: int, pixel_format: str) -> av.VideoFrame:
    """A picture whose red grows to the right and whose green grows downwards."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 0] = np.linspace(20, 220, width)
    pixels[:, :, 1] = np.linspace(20, 220, height)[:, None]
    return av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=pixel_format)


def _pixels(picture: av.VideoFrame) -> np.ndarray:
    rows = np.frombuffer(rgb_rows(picture), np.uint8)
    return rows.reshape(picture.height, picture.width, 3).astype(int)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv422p", "yuv420p10le", "rgb24"])
@pytest.mark.parametrize("region", [(100, 60, 200, 120), (0, 0, 34, 480), (606, 448, 34, 32)])
def test_a_region_is_what_the_whole_picture_shows_there(
    pixel_format: str, region: tuple[int, int, int, int]
) -> None:
    frame = _smooth(640, 480, pixel_format)
    x, y, width, height = region
    whole = _pixels(Cropper((480, 640)).crop(frame, (0, 0, 640, 480)))
    part = _pixels(Cropper((height, width)).crop(frame, region))
    # Scaling colours up looks a pixel further at the seams.
    assert np.abs(part - whole[y : y + height, x : x + width]).max() <= 3


def test_one_cropper_follows_regions_sizes_and_formats() -> None:
    cropper = Cropper((64, 64))
    for width, height, pixel_format, region in (
        (640, 480, "yuv420p", (320, 240, 320, 240)),
        (640, 480, "yuv420p", (0, 0, 320, 240)),
        (321, 241, "yuv420p", (160, 120, 160, 120)),
        (640, 480, "yuv444p", (320, 240, 320, 240)),
        (640, 480, "yuv420p", (0, 0, 640, 480)),
    ):
        frame = _smooth(width, height, pixel_format)
        pixels = _pixels(cropper.crop(frame, region))
        x, y, part_width, part_height = region
        middle = (x + part_width / 2) / width * 200 + 20, (y + part_height / 2) / height * 200 + 20
        assert pixels.shape == (64, 64, 3)
        assert np.abs(pixels[31:33, 31:33, :2].mean(axis=(0, 1)) - middle).max() < 4
