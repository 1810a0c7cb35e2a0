"""A worker in this process that marks the number it reads in a picture, at once."""

from __future__ import annotations

import numpy as np

from server.masks import rle
from server.worker.client import Picture
from server.worker.components import find_polyps
from server.worker.protocol import Dropped, Result
from tests.fakes.fake_worker import FakeWorker
from tests.fakes.marker_engine import create_engine


class MarkerWorker(FakeWorker):
    """Answers every picture; `steps` keeps them in order."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Picture] = []
        self._engine = create_engine()

    async def step(self, picture: Picture) -> Result | Dropped:
        self.steps.append(picture)
        pixels = np.frombuffer(picture.rgb, np.uint8).reshape(picture.height, picture.width, 3)
        output = self._engine.step(None, pixels)
        regions = find_polyps(output.mask, output.probability)
        return Result(
            session=picture.session,
            epoch=self.epochs[picture.session],
            sequence=picture.sequence,
            size=(picture.height, picture.width),
            counts=rle.encode(regions.mask),
            polyps=regions.polyps,
            step_ms=1.0,
            batch=1,
        )
