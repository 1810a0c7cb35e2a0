"""What viewers of one stream cost the server: they get the source's packets, nothing is encoded.

Blocks with one viewer, with many, and with one that asks for the burned-in stream (the one thing
that is encoded: it shows that the count of encoders is alive) take turns on one service.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from server.bench.coded_video import BLOCK_PX, VideoShape, render_coded_video
from server.bench.marker_model import StepTime, marker_environment
from server.bench.publisher import Publisher
from server.bench.service import Service
from server.bench.whep_viewer import WhepViewer

_SETTLE_S = 2.0
_FOLLOWED = 0.98
"""Share of the pictures that viewers have to get for the figures to count."""


@dataclass(frozen=True)
class ViewersSettings:
    """How many, how long, of what.

    Attributes:
        shape: The stream.
        viewers: Of the blocks with many.
        block_s: Seconds of a block.
        rounds: Blocks of each kind.
        step_ms: Time of a step of the stand-in model.
    """

    shape: VideoShape
    viewers: int = 8
    block_s: float = 10.0
    rounds: int = 3
    step_ms: int = 30


@dataclass(frozen=True)
class ViewersBlock:
    """One block.

    Attributes:
        viewers: How many.
        burned: Whether they got the burned-in stream.
        server_cpu: Processor time of the server process, as a share of one core.
        encoders: The most that were at work.
        fps: Pictures a second that reached a viewer, on average.
        dropped: Packets that the relay did not send because a viewer was late.
    """

    viewers: int
    burned: bool
    server_cpu: float
    encoders: int
    fps: float
    dropped: int


@dataclass(frozen=True)
class ViewersResult:
    """Everything."""

    settings: ViewersSettings
    blocks: tuple[ViewersBlock, ...]

    def like(self, viewers: int, *, burned: bool = False) -> list[ViewersBlock]:
        """Blocks of one kind."""
        return [b for b in self.blocks if b.viewers == viewers and b.burned == burned]

    def server_cpu(self, viewers: int, *, burned: bool = False) -> float:
        """Median over the blocks of one kind, as a share of one core."""
        return statistics.median(b.server_cpu for b in self.like(viewers, burned=burned))

    @property
    def cpu_per_viewer(self) -> float:
        """What one more viewer costs, as a share of one core."""
        many = self.settings.viewers
        return (self.server_cpu(many) - self.server_cpu(1)) / max(1, many - 1)

    @property
    def has_followed(self) -> bool:
        """Whether all relayed viewers got the pictures; else the processor times mean nothing."""
        relayed = [block for block in self.blocks if not block.burned]
        return min(block.fps for block in relayed) >= _FOLLOWED * self.settings.shape.fps

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {
            "cpu_per_viewer": self.cpu_per_viewer,
            "has_followed": self.has_followed,
        }


async def measure_viewers(
    settings: ViewersSettings, folder: Path, progress: Callable[[str], None]
) -> ViewersResult:
    """Run it.

    Args:
        settings: How many, how long, of what.
        folder: For the video and the service's log.
        progress: Told what happens.

    Raises:
        BenchError: A part does not start, or a viewer is refused.
    """
    shape = settings.shape
    file = render_coded_video(folder, shape, progress)
    step_time = StepTime(folder / "step_ms", settings.step_ms)
    environment = marker_environment((shape.width, shape.height), BLOCK_PX, step_time)
    blocks: list[ViewersBlock] = []
    kinds = ((1, False), (settings.viewers, False), (1, True))
    with (
        Publisher("rtsp", file) as publisher,
        Service(publisher.urls, environment, folder) as service,
    ):
        await asyncio.to_thread(service.wait_for, "source_state", "playing")
        for number in range(settings.rounds):
            for viewers, burned in kinds:
                what = "burned in" if burned else "relayed"
                progress(f"round {number + 1} of {settings.rounds}: {viewers} viewers, {what}")
                blocks.append(await _measure_block(service, viewers, burned, settings.block_s))
    return ViewersResult(settings, tuple(blocks))


async def _measure_block(
    service: Service, viewers: int, burned: bool, seconds: float
) -> ViewersBlock:
    session = (await asyncio.to_thread(service.sessions))[0]["id"]
    pictures = 0

    def count(picture: bytes, at_ns: int) -> None:
        nonlocal pictures
        pictures += 1

    watching = [WhepViewer(service.url, session, count, burned=burned) for _ in range(viewers)]
    try:
        for viewer in watching:
            await viewer.connect()
        await asyncio.sleep(_SETTLE_S)
        dropped_before = await asyncio.to_thread(_dropped, service)
        begin, cpu_before, pictures = time.monotonic(), service.cpu_s, 0
        encoders = 0
        while time.monotonic() - begin < seconds:
            await asyncio.sleep(min(1.0, seconds))
            now = int(await asyncio.to_thread(service.metric, "sali_encoders"))
            encoders = max(encoders, now)
        spent = time.monotonic() - begin
        cpu = (service.cpu_s - cpu_before) / spent
        fps = pictures / viewers / spent
        dropped = await asyncio.to_thread(_dropped, service) - dropped_before
    finally:
        await asyncio.gather(*(viewer.aclose() for viewer in watching))
    return ViewersBlock(viewers, burned, round(cpu, 4), encoders, round(fps, 2), dropped)


def _dropped(service: Service) -> int:
    return int(service.sessions()[0]["counters"]["drops"].get("relay", 0))
