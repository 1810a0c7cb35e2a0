"""What the frames in a session's memory looked like, for people who ask what the network reads.

A frame that enters memory leaves a copy of every second pixel here, which costs less than 0.2 ms
every few frames, asked or not: who begins to look sees frames of before. Nothing else happens
unless somebody asks. The copies live and die with the
memory they belong to, so with its epoch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.worker.scheduler import StepRequest

_PIXEL_STEP = 2
_ALWAYS_KEPT = 16


@dataclass(frozen=True)
class KeptPicture:
    """One frame in memory.

    Attributes:
        sequence: The session's number of the frame.
        pts: Its time in 90 kHz ticks.
        rgb: [h, w, 3] uint8, small.
        mask: [h, w] bool, of the same size: what was found in it.
        area: Share of the picture that the mask covers.
    """

    sequence: int
    pts: int
    rgb: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    area: float

    @classmethod
    def of(cls, request: StepRequest, mask: NDArray[np.bool_]) -> KeptPicture:
        """Copy what is kept of a picture and its mask."""
        full = np.frombuffer(request.rgb, dtype=np.uint8)
        rgb = full.reshape(request.height, request.width, 3)[::_PIXEL_STEP, ::_PIXEL_STEP]
        return cls(
            sequence=request.sequence,
            pts=request.pts,
            rgb=rgb.copy(),
            mask=mask[::_PIXEL_STEP, ::_PIXEL_STEP].copy(),
            area=float(mask.mean()),
        )


class MemoryPictures:
    """Pictures of one session's memory frames, by the frame's number in the memory.

    Never more than twice what the memory held when it was last compared with it (`retain`).
    """

    def __init__(self) -> None:
        self._kept: dict[int, KeptPicture] = {}
        self._limit = _ALWAYS_KEPT

    @property
    def is_crowded(self) -> bool:
        """Whether it is time to compare with the memory."""
        return len(self._kept) >= self._limit

    def keep(self, number: int, picture: KeptPicture) -> None:
        """Take the picture of a frame that entered the memory."""
        self._kept[number] = picture

    def retain(self, held: Iterable[int]) -> None:
        """Let go of all frames but those that the memory holds."""
        self._kept = {n: self._kept[n] for n in held if n in self._kept}
        self._limit = max(_ALWAYS_KEPT, 2 * len(self._kept))

    def of(self, numbers: Iterable[int]) -> tuple[KeptPicture | None, ...]:
        """Return the pictures of these frames, in their order."""
        return tuple(self._kept.get(number) for number in numbers)
