from __future__ import annotations

from io import BytesIO

import av
import numpy as np
import pytest
from PIL import Image

from server.media.frame import ModelFrame
from server.media.still import LONGEST_SIDE_PX, write_still

SIZE = (352, 352)


def frame_of(
    width: int, height: int, region: tuple[int, int, int, int], *, decoded: bool = True
) -> ModelFrame:
    """A picture whose red grows to the right and whose green grows downwards."""
    across, down = np.linspace(0, 255, width), np.linspace(0, 255, height)
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[..., 0], rgb[..., 1] = across[None, :], down[:, None]
    x, y, w, h = region
    part = Image.fromarray(rgb[y : y + h, x : x + w]).resize((SIZE[1], SIZE[0]))
    picture = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p")
    return ModelFrame(
        sequence=0,
        pts=0,
        captured_at_ns=0,
        source_size=(height, width),
        region=region,
        rgb=part.tobytes(),
        picture=picture if decoded else None,
    )


@pytest.mark.parametrize("decoded", [True, False])
@pytest.mark.parametrize("region", [(0, 0, 640, 480), (64, 32, 300, 200)])
def test_a_still_is_the_region_at_the_size_of_the_source(
    region: tuple[int, int, int, int], decoded: bool
) -> None:
    jpeg, size = write_still(frame_of(640, 480, region, decoded=decoded), SIZE)
    x, y, width, height = region
    image = Image.open(BytesIO(jpeg))
    assert image.format == "JPEG"
    assert size == (height, width)
    assert image.size == (width, height)
    pixels = np.asarray(image).astype(int)
    wanted = np.array([255 * (x + width / 2) / 640, 255 * (y + height / 2) / 480])
    assert np.abs(pixels[height // 2, width // 2, :2] - wanted).max() < 8
    corner = np.array([255 * x / 640, 255 * y / 480])
    assert np.abs(pixels[2, 2, :2] - corner).max() < 10


def test_a_large_picture_is_made_smaller() -> None:
    jpeg, size = write_still(frame_of(3840, 2160, (0, 0, 3840, 2160)), SIZE)
    assert size == (1080, LONGEST_SIDE_PX)
    assert Image.open(BytesIO(jpeg)).size == (LONGEST_SIDE_PX, 1080)


def test_an_odd_picture_is_written_as_viewers_see_it() -> None:
    frame = frame_of(641, 481, (0, 0, 641, 481))
    shown = ModelFrame(0, 0, 0, (480, 640), (0, 0, 640, 480), frame.rgb, frame.picture)
    assert write_still(shown, SIZE)[1] == (480, 640)


def test_no_metadata_is_written() -> None:
    jpeg, _ = write_still(frame_of(640, 480, (0, 0, 640, 480)), SIZE)
    image = Image.open(BytesIO(jpeg))
    assert not image.getexif()
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
