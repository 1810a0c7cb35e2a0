"""Turns what a step read from memory into the message that answers a question about it."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from server.masks.look import OUTLINE_RGB
from server.worker.memory_pictures import KeptPicture
from server.worker.protocol import MemoryFrame, MemoryRead, ReadMemory
from server.worker.scheduler import StepRequest

if TYPE_CHECKING:
    from sali_core.types import MemoryReading

MAX_PICTURES = 6
"""Pictures in one answer; the others go with the next ones, so that none delays a mask for long."""

EVEN_LEVEL = 128
LEVELS_A_DOUBLING = 32

# Without subsampled colours: the outline is one pixel wide.
_QUALITY = 80


@dataclass(frozen=True)
class Told:
    """What one step told of its memory.

    Attributes:
        question: Who asked for what.
        request: The picture.
        reading: None from a model that does not tell.
        pictures: Of the reading's frames, in its order; None where none was kept.
    """

    question: ReadMemory
    request: StepRequest
    reading: MemoryReading | None
    pictures: tuple[KeptPicture | None, ...]


def answer(told: Told) -> MemoryRead:
    """Write the answer to a question: shares of all frames, maps and pictures as asked for."""
    request, reading = told.request, told.reading
    message = MemoryRead(
        session=request.session,
        epoch=request.epoch,
        sequence=request.sequence,
        pts=request.pts,
        is_told=reading is not None,
        map_size=None,
        frames=(),
    )
    if reading is None:
        return message
    maps, frames, sent = reading.maps, [], 0
    for place, picture in enumerate(told.pictures):
        if picture is None:
            continue
        is_new = picture.sequence not in told.question.known and sent < MAX_PICTURES
        sent += is_new
        is_mapped = picture.sequence in told.question.maps
        frames.append(
            MemoryFrame(
                sequence=picture.sequence,
                pts=picture.pts,
                share=round(float(reading.shares[place]), 5),
                area=round(picture.area, 5),
                map=_to_levels(maps[place], 1 / maps.size)
                if is_mapped and maps is not None
                else None,
                picture=_to_jpeg(picture) if is_new else None,
            )
        )
    size = None if maps is None else (maps.shape[1], maps.shape[2])
    return message.model_copy(update={"frames": tuple(frames), "map_size": size})


def _to_levels(cells: NDArray[np.float32], even: float) -> str:
    """Write a map [h, w] as bytes in Base64, rows first, on a scale of doublings.

    `EVEN_LEVEL` stands for `even`, what a cell gets when all in memory get the same; each
    `LEVELS_A_DOUBLING` more for twice as much.
    """
    with np.errstate(divide="ignore"):
        levels = EVEN_LEVEL + LEVELS_A_DOUBLING * np.log2(cells / even)
    return base64.b64encode(np.rint(levels.clip(0, 255)).astype(np.uint8).tobytes()).decode()


def _to_jpeg(kept: KeptPicture) -> str:
    """Draw the mask's outline on a picture and write it as JPEG, in Base64."""
    pixels = kept.rgb.copy()
    pixels[kept.mask & ~ndimage.binary_erosion(kept.mask, border_value=1)] = OUTLINE_RGB
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY, subsampling=0)
    return base64.b64encode(file.getvalue()).decode()
