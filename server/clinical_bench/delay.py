"""Delay of the annotation: from a picture's arrival until its mask is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from server.bench.mask_reader import MaskArrival, read_masks
from server.bench.percentiles import Percentiles
from server.bench.service import Service
from server.errors import BenchError

_TIMEOUT_S = 30.0
# A network may be converted at its first start.
_WARM_S = 180.0


@dataclass(frozen=True)
class AnnotationDelay:
    """How long masks took.

    Attributes:
        delay: From the picture's arrival at the service to the mask's arrival at a program.
        pictures: That the source gave in the time.
        masked: Of these, with a mask.
        delays_ms: Every one, for the plot.
    """

    delay: Percentiles | None
    pictures: int
    masked: int
    delays_ms: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        found = asdict(self)
        del found["delays_ms"]
        return found


async def measure_annotation(
    file: Path, weights: str, seconds: float, folder: Path, progress: Callable[[str], None]
) -> AnnotationDelay:
    """Run the service on a video with the real network and read its masks.

    Args:
        file: The video, played again and again.
        weights: A shipped name or a file.
        seconds: How long.
        folder: For the service's log.
        progress: Told what happens.

    Raises:
        BenchError: The service does not start, or no mask comes.
    """
    progress("delay of the masks")
    arrivals: list[MaskArrival] = []
    with Service([str(file)], {"SALI_WORKER__WEIGHTS": weights}, folder, loop=True) as service:
        await asyncio.to_thread(service.wait_for, "ai_state", "active", _WARM_S)
        session = (await asyncio.to_thread(service.sessions))[0]["id"]
        end = time.monotonic() + seconds

        def take(arrival: MaskArrival) -> bool:
            arrivals.append(arrival)
            return time.monotonic() < end

        try:
            async with asyncio.timeout(seconds + _TIMEOUT_S):
                await read_masks(service.url, session, take)
        except TimeoutError:
            progress("masks stopped coming")
    if not arrivals:
        raise BenchError("no mask came from the running service")
    return sum_up(arrivals)


def sum_up(arrivals: list[MaskArrival]) -> AnnotationDelay:
    """Tell the delay of masks, at least one; pictures between them had none."""
    delays = tuple(arrival.delay_ms for arrival in arrivals)
    first, last = arrivals[0].sequence, arrivals[-1].sequence
    return AnnotationDelay(Percentiles.of(delays), last - first + 1, len(arrivals), delays)
