from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import pytest

from sali_core.data.phantom.frame_code import read_frame_code
from server.bench.marker_model import place_of
from server.masks import rle
from server.media.encoder import Encoders
from server.media.region import FULL
from server.media.view_watch import ViewLimits
from server.observability.metrics import ServiceMetrics
from server.review.looking import Eye
from server.review.review import Review, ReviewIdentity, ReviewParts
from server.review.spool import Spool
from server.session.findings import FindingRules
from tests.fakes.fake_worker import FakeWorker
from tests.fakes.marker_worker import MarkerWorker
from tests.fakes.virtual_clock import VirtualClock

ALL = 2**40
HEADER = struct.Struct("<dII")


@dataclass
class House:
    """Everything around a review, held by the test."""

    worker: FakeWorker = field(default_factory=MarkerWorker)
    clock: VirtualClock = field(default_factory=VirtualClock)
    # Grey pictures with a code are no view of a bowel.
    eye: Eye = field(default_factory=lambda: Eye(FULL, ViewLimits(is_checked=False)))
    limit_bytes: int = 64 << 20
    made: list[Review] = field(default_factory=list)

    def review(self, path: Path) -> Review:
        identity = ReviewIdentity(f"r{len(self.made)}", str(path), 0, 0, datetime.now(UTC))
        return self.make(identity)

    def make(self, identity: ReviewIdentity) -> Review:
        parts = ReviewParts(
            worker=self.worker,
            eye=self.eye,
            rules=FindingRules(),
            create_encoders=Encoders,
            clock=self.clock,
            metrics=ServiceMetrics(),
            limit_bytes=self.limit_bytes,
        )
        review = Review(identity, parts)
        self.made.append(review)
        return review

    async def finished(self, path: Path) -> Review:
        """A review that has computed everything it can."""
        review = self.review(path)
        review.start()
        async with asyncio.timeout(120):
            await review.wait()
        return review

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - any condition of any object
                await asyncio.sleep(0.005)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    yield made
    for review in made.made:
        await review.aclose()


@pytest.fixture
def spool() -> Iterator[Spool]:
    made = Spool(1 << 20)
    yield made
    made.close()


def shown_numbers(review: Review) -> dict[int, int | None]:
    """Decode each part by itself, as a browser does: the number in each picture, by its pts."""
    shown: dict[int, int | None] = {}
    for number in range(len(review.film.parts)):
        context = av.CodecContext.create("h264" if _is_h264(review) else "vp8", "r")
        frames = []
        content = review.film.read(number)
        while content:
            pts, _, size = HEADER.unpack_from(content)
            packet = av.Packet(content[HEADER.size : HEADER.size + size])
            packet.pts, packet.time_base = int(pts), Fraction(1, 90_000)
            frames += context.decode(packet)
            content = content[HEADER.size + size :]
        for frame in [*frames, *context.decode(None)]:
            assert frame.pts is not None
            shown[frame.pts] = read_frame_code(frame.to_ndarray(format="rgb24"))
    return shown


def masked_places(review: Review) -> dict[int, tuple[float, float]]:
    """The middle of each mask, as shares of the picture, by the mask's pts."""
    places = {}
    for mask in json.loads(review.masks.read(0, ALL)):
        pixels = rle.decode(mask["rle"]["counts"], *mask["rle"]["size"])
        rows, columns = pixels.any(1).nonzero()[0], pixels.any(0).nonzero()[0]
        height, width = pixels.shape
        x, y = (columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2
        places[mask["pts"]] = (x / width, y / height)
    return places


def assert_every_mask_is_its_pictures(review: Review, frames: int) -> None:
    shown, masked = shown_numbers(review), masked_places(review)
    assert sorted(shown.values(), key=str) == sorted(range(frames), key=str)
    assert masked.keys() == shown.keys()
    for pts, number in shown.items():
        assert number is not None
        assert masked[pts] == pytest.approx(place_of(number), abs=1e-6)


def _is_h264(review: Review) -> bool:
    assert review.copy.coding is not None
    return review.copy.coding.codec.startswith("avc1.")
