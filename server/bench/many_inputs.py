"""Many sources on one server process: which share of their pictures is decoded, at what cost.

The publisher is a process that sends the packets of one coded file, so that it costs next to
nothing. The share is what the service's decoders counted against what the publisher sent: whatever
is lost on the way, and wherever, lowers it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from server.bench.coded_video import BLOCK_PX, VideoShape, render_coded_video
from server.bench.marker_model import StepTime, marker_environment
from server.bench.publisher import Publisher, PublisherKind
from server.bench.service import Service

_SETTLE_S = 3.0
_LOSSES = ("source_lost", "decoder_queue", "corrupt")
"""Causes of the service's counters for pictures that were never decoded (docs/media.md)."""


@dataclass(frozen=True)
class InputsSettings:
    """How many, how long, of what.

    Attributes:
        shape: Each input's video.
        inputs: How many.
        seconds: How long.
        kind: How they are published.
        step_ms: Time of a step of the stand-in model, whatever the batch.
    """

    shape: VideoShape
    inputs: int = 16
    seconds: float = 600.0
    kind: PublisherKind = "rtsp"
    step_ms: int = 10


@dataclass(frozen=True)
class InputResult:
    """One input: pictures sent, by the publisher, and decoded, by the service's own count."""

    sent: int
    decoded: int

    @property
    def share(self) -> float:
        """Decoded of those sent."""
        return self.decoded / max(1, self.sent)


@dataclass(frozen=True)
class InputsResult:
    """Everything; processor times are shares of one core.

    Attributes:
        inputs: In order.
        drops: The service's counters over the time, by cause; `late` and `mailbox` were decoded
            and not shown to the model.
        encoders: At work at the end.
    """

    settings: InputsSettings
    seconds: float
    inputs: tuple[InputResult, ...]
    drops: dict[str, int]
    encoders: int
    server_cpu: float
    worker_cpu: float
    publisher_cpu: float

    @property
    def share(self) -> float:
        """Decoded of all pictures sent."""
        return sum(one.decoded for one in self.inputs) / max(
            1, sum(one.sent for one in self.inputs)
        )

    @property
    def undecoded(self) -> int:
        """Pictures that the service itself counts as not decoded."""
        return sum(self.drops.get(cause, 0) for cause in _LOSSES)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"share": self.share, "undecoded": self.undecoded}


@dataclass(frozen=True)
class _Reading:
    """Counters at one moment."""

    sent: list[int]
    decoded: list[int]
    drops: Counter[str]
    server_cpu_s: float
    worker_cpu_s: dict[int, float]
    publisher_cpu_s: float
    at_s: float


async def measure_inputs(
    settings: InputsSettings, folder: Path, progress: Callable[[str], None]
) -> InputsResult:
    """Run it.

    Args:
        settings: How many, how long, of what.
        folder: For the video and the service's log.
        progress: Told what happens.

    Raises:
        BenchError: A part does not start.
    """
    shape, count = settings.shape, settings.inputs
    file = render_coded_video(folder, shape, progress)
    step_time = StepTime(folder / "step_ms", settings.step_ms)
    environment = marker_environment((shape.width, shape.height), BLOCK_PX, step_time, count)
    with Publisher(settings.kind, file, count) as publisher:
        sources = publisher.urls or ["whip"] * count
        with Service(sources, environment, folder) as service:
            if settings.kind == "whip":
                ids = [session["id"] for session in service.sessions()]
                endpoints = [f"{service.url}/v1/sessions/{one}/whip" for one in ids]
                await asyncio.to_thread(publisher.ask, "publish", endpoints)
            await asyncio.to_thread(service.wait_for, "source_state", "playing")
            await asyncio.sleep(_SETTLE_S)
            before = await _read(service, publisher)
            progress(f"{count} inputs for {settings.seconds:g} s")
            await asyncio.sleep(settings.seconds)
            after = await _read(service, publisher)
            encoders = int(service.metric("sali_encoders"))
    return _sum_up(settings, before, after, encoders)


async def _read(service: Service, publisher: Publisher) -> _Reading:
    published, sessions = await asyncio.gather(
        asyncio.to_thread(publisher.ask, "status"), asyncio.to_thread(service.sessions)
    )
    drops: Counter[str] = Counter()
    for session in sessions:
        drops.update(session["counters"]["drops"])
    return _Reading(
        published["sent"],
        [session["counters"]["frames_decoded"] for session in sessions],
        drops,
        service.cpu_s,
        service.worker_cpu_s(),
        published["cpu_s"],
        time.monotonic(),
    )


def _sum_up(
    settings: InputsSettings, before: _Reading, after: _Reading, encoders: int
) -> InputsResult:
    seconds = after.at_s - before.at_s
    inputs = tuple(
        InputResult(sent, decoded)
        for sent, decoded in zip(
            _differences(before.sent, after.sent),
            _differences(before.decoded, after.decoded),
            strict=True,
        )
    )
    worker_cpu_s = sum(
        used - before.worker_cpu_s.get(pid, 0.0) for pid, used in after.worker_cpu_s.items()
    )
    return InputsResult(
        settings,
        round(seconds, 1),
        inputs,
        dict(sorted((after.drops - before.drops).items())),
        encoders,
        round((after.server_cpu_s - before.server_cpu_s) / seconds, 3),
        round(worker_cpu_s / seconds, 3),
        round((after.publisher_cpu_s - before.publisher_cpu_s) / seconds, 3),
    )


def _differences(before: list[int], after: list[int]) -> list[int]:
    return [last - first for first, last in zip(before, after, strict=True)]
