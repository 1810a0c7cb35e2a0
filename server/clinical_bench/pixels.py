"""Whether the video that a viewer gets is the source's, pixel for pixel.

A file of H.264 is served by the running service with the AI at work. What a viewer receives and
decodes is compared with what decoding the file gives, picture by picture. Masks are drawn by the
viewer over its own copy, never into the video; so the difference is to be 0 everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from server.bench.coded_video import CodedVideo, slices_of
from server.bench.service import Service
from server.bench.whep_viewer import WhepViewer
from server.errors import BenchError

_GRACE_S = 20.0
_WARM_S = 180.0

Planes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PixelCheck:
    """Pictures at the viewer against the same pictures of the source.

    Attributes:
        pictures: Compared.
        differing: Of these, with any pixel that differs.
        largest: Largest difference of a sample of luma or chroma, of 255.
        unknown: Pictures that came to the viewer and are none of the source's.
    """

    pictures: int
    differing: int
    largest: int
    unknown: int

    @property
    def is_identical(self) -> bool:
        """Whether everything that came is the source's."""
        return self.pictures > 0 and self.differing == 0 and self.unknown == 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"identical": self.is_identical}


async def check_pixels(
    file: Path,
    weights: str,
    pictures: int,
    folder: Path,
    progress: Callable[[str], None],
) -> PixelCheck:
    """Serve a file and compare.

    Args:
        file: H.264 without B pictures, every picture another; played again and again.
        weights: That the AI runs meanwhile.
        pictures: How many to compare.
        folder: For the service's log.
        progress: Told what happens.

    Raises:
        BenchError: The service does not start, or too few pictures come.
    """
    video = CodedVideo.read(file)
    progress("pixels of the relayed video against the source's")
    received: list[bytes] = []
    is_enough = asyncio.Event()

    def take(picture: bytes, _at_ns: int) -> None:
        received.append(picture)
        if len(received) >= pictures:
            is_enough.set()

    with Service([str(file)], {"SALI_WORKER__WEIGHTS": weights}, folder, loop=True) as service:
        await asyncio.to_thread(service.wait_for, "ai_state", "active", _WARM_S)
        session = (await asyncio.to_thread(service.sessions))[0]["id"]
        viewer = WhepViewer(service.url, session, take)
        await viewer.connect()
        try:
            async with asyncio.timeout(pictures / video.fps + _GRACE_S):
                await is_enough.wait()
        except TimeoutError:
            raise BenchError(
                f"only {len(received)} of {pictures} pictures came to the viewer"
            ) from None
        finally:
            await viewer.aclose()
    return compare_pictures(received[:pictures], video)


def compare_pictures(received: list[bytes], video: CodedVideo) -> PixelCheck:
    """Decode what a viewer received and the source's own pictures, and compare them.

    Args:
        received: Coded pictures, in order, from a keyframe on.
        video: The source.

    Raises:
        BenchError: Something that was received cannot be decoded.
    """
    numbers = video.numbers()
    truth = _decode(list(video.pictures))
    known = [numbers.get(slices_of(picture)) for picture in received]
    unknown = known.count(None)
    differing = largest = compared = 0
    for number, seen in zip(known, _decode(received), strict=True):
        if number is None:
            continue
        compared += 1
        difference = int(np.abs(seen.astype(np.int16) - truth[number]).max())
        differing += difference > 0
        largest = max(largest, difference)
    return PixelCheck(compared, differing, largest, unknown)


def _decode(pictures: list[bytes]) -> list[Planes]:
    """All samples of each picture; one thread, one picture out for each that goes in."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    try:
        frames = [frame for picture in pictures for frame in decoder.decode(av.Packet(picture))]
        frames += decoder.decode(None)
    except av.FFmpegError as exc:
        raise BenchError(f"a picture cannot be decoded: {exc}") from exc
    if len(frames) != len(pictures):
        raise BenchError(f"{len(pictures)} coded pictures gave {len(frames)} decoded ones")
    return [frame.to_ndarray(format="yuv420p").astype(np.uint8) for frame in frames]
