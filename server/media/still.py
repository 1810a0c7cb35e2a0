"""Writes one frame as a JPEG file: the part of it that the AI saw, nothing drawn into it."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from server.media.cropper import Cropper, rgb_rows
from server.media.frame import ModelFrame

LONGEST_SIDE_PX = 1920
_QUALITY = 90


def write_still(frame: ModelFrame, model_size: tuple[int, int]) -> tuple[bytes, tuple[int, int]]:
    """Return a JPEG of a frame's region, at the source's size where the decoded picture is there.

    Some milliseconds of work; safe in any thread.

    Args:
        frame: As the AI got it.
        model_size: (height, width) of `frame.rgb`.

    Returns:
        jpeg: The file, without any metadata.
        size: Its (height, width); `LONGEST_SIDE_PX` at most.
    """
    region_width, region_height = frame.region[2:]
    shrink = min(1.0, LONGEST_SIDE_PX / max(region_width, region_height))
    width, height = max(2, round(region_width * shrink)), max(2, round(region_height * shrink))
    if frame.picture is None:
        rows = np.frombuffer(frame.rgb, dtype=np.uint8).reshape(*model_size, 3)
        image = Image.fromarray(rows).resize((width, height), Image.Resampling.BILINEAR)
    else:
        source_height, source_width = frame.source_size
        is_whole = frame.region == (0, 0, source_width, source_height)
        # An odd picture is a pixel larger than what viewers see of it.
        whole = (0, 0, frame.picture.width, frame.picture.height)
        cut = Cropper((height, width)).crop(frame.picture, whole if is_whole else frame.region)
        image = Image.frombuffer("RGB", (width, height), bytes(rgb_rows(cut)))
    file = BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue(), (height, width)
