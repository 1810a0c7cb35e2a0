"""Frames to measure with: a phantom colon with polyps, the same on every machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sali_core.data.phantom import Phantom, PhantomConfig

# This video shows a polyp of 2 to 12 % of the picture from frame 40 to its end, frame 199.
_SEED, _SECONDS = 7, 8.0
_FIRST, _STRIDE = 40, 6


class BenchFrames:
    """A short phantom video played forward and back without end; streams start apart."""

    def __init__(self, size: int, count: int = 24) -> None:
        """Render.

        Args:
            size: Height and width in pixels.
            count: Pictures rendered, at most 26; streams go through them again and again.
        """
        phantom = Phantom(PhantomConfig(width=size, height=size, seconds=_SECONDS, seed=_SEED))
        forward = [phantom.render(_FIRST + _STRIDE * k).image for k in range(count)]
        self._pictures = forward + forward[-2:0:-1]

    def frame(self, stream: int, number: int) -> npt.NDArray[np.uint8]:
        """Return frame `number` of a stream, [size, size, 3] uint8 RGB."""
        return self._pictures[(5 * stream + number) % len(self._pictures)]

    def batch(self, streams: int, number: int) -> list[npt.NDArray[np.uint8]]:
        """Return frame `number` of each of several streams."""
        return [self.frame(stream, number) for stream in range(streams)]
