"""How much later a picture comes through our relay than straight from its source.

One RTSP source, read twice at the same time by this process: by our own RTSP client (the direct
player: a picture counts when its last packet is here; no reader can be sooner) and through the
service as a WHEP viewer (a picture counts when its last packet is here, decrypted). Both are
stamped by one clock, before decoding, which costs both the same. The difference holds everything
that we add: reading, relaying, encrypting and sending; and what a Python viewer takes to decrypt.

Blocks of time with the AI at work, slow, stopped and killed take turns on the same connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from server.bench.coded_video import (
    BLOCK_PX,
    CodedVideo,
    VideoShape,
    slices_of,
    write_coded_video,
)
from server.bench.marker_model import StepTime, marker_environment
from server.bench.pairing import Arrival, pair_up
from server.bench.percentiles import Percentiles
from server.bench.publisher import Publisher
from server.bench.service import Service
from server.bench.whep_viewer import WhepViewer
from server.errors import BenchError
from server.media.clock import SystemClock
from server.media.frame import CodedPicture, StreamFormat
from server.media.rtsp.connection import RtspConnection

Condition = Literal["working", "slow", "stopped", "killed"]
CONDITIONS: tuple[Condition, ...] = ("working", "slow", "stopped", "killed")
MEANINGS: dict[Condition, str] = {
    "working": "at work, 30 ms a step",
    "slow": "slow, 500 ms a step",
    "stopped": "stopped (SIGSTOP) each time it is ready",
    "killed": "killed (SIGKILL) each time it is ready",
}
_STEP_MS = {"slow": 500}
_USUAL_STEP_MS = 30
_SIGNALS: dict[str, signal.Signals] = {"stopped": signal.SIGSTOP, "killed": signal.SIGKILL}
_SETTLE_S = 2.0
_TAIL_S = 1.0
_LOOK_S = 0.5
_FIRST_PICTURE_S = 15.0


@dataclass(frozen=True)
class RelaySettings:
    """How long, and of what.

    Attributes:
        shape: The source's video.
        block_s: Seconds of a block.
        rounds: Blocks of each condition.
    """

    shape: VideoShape
    block_s: float = 10.0
    rounds: int = 5


@dataclass(frozen=True)
class ConditionResult:
    """What was seen under one condition, all its blocks together.

    Attributes:
        added: Delay added to the pictures that came both ways.
        block_p99_ms: p99 of each block, in order: how much it varies by itself.
        pictures: Came straight from the source.
        missing: Of these, never came through the relay.
    """

    condition: Condition
    added: Percentiles | None
    block_p99_ms: tuple[float, ...]
    pictures: int
    missing: int


@dataclass(frozen=True)
class RelayResult:
    """Everything."""

    shape: VideoShape
    block_s: float
    conditions: tuple[ConditionResult, ...]
    delays_ms: dict[str, list[float]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; single delays are left to the plots."""
        found = asdict(self)
        del found["delays_ms"]
        return found


class _Direct:
    """Notes the pictures that come straight from the source (`ConnectionSink`)."""

    def __init__(self, note: Callable[[bytes, int], None]) -> None:
        self._note = note

    def begin(self, stream: StreamFormat) -> None:
        """Take any."""

    def picture(self, picture: CodedPicture) -> None:
        """Note one."""
        self._note(picture.payload, picture.arrived_ns)

    def lost(self, pictures: int) -> None:
        """Count nothing: over TCP nothing is lost."""


class _Ledger:
    """Which of the known pictures came when."""

    def __init__(self, numbers: dict[bytes, int]) -> None:
        self._numbers = numbers
        self.arrivals: list[Arrival] = []

    def note(self, payload: bytes, at_ns: int) -> None:
        number = self._numbers.get(slices_of(payload))
        if number is not None:
            self.arrivals.append((number, at_ns))


@dataclass(frozen=True)
class _Block:
    condition: Condition
    begin_ns: int
    end_ns: int


async def measure_relay(
    settings: RelaySettings, folder: Path, progress: Callable[[str], None]
) -> RelayResult:
    """Run the comparison.

    Args:
        settings: How long, and of what.
        folder: For the video and the service's log.
        progress: Told what happens.

    Raises:
        BenchError: A part of it does not start, or sends nothing.
    """
    file = folder / "coded.mp4"
    progress("rendering the test video")
    write_coded_video(file, settings.shape)
    step_time = StepTime(folder / "step_ms", _USUAL_STEP_MS)
    video = CodedVideo.read(file)
    environment = marker_environment(
        (settings.shape.width, settings.shape.height), BLOCK_PX, step_time
    )
    direct, relayed = _Ledger(video.numbers()), _Ledger(video.numbers())
    with (
        Publisher("rtsp", file) as publisher,
        Service(publisher.urls, environment, folder) as service,
    ):
        async with _both_ways(service, publisher.urls[0], direct, relayed):
            blocks = await _run_blocks(settings, service, step_time, progress)
    return _sum_up(settings, blocks, direct.arrivals, relayed.arrivals)


@contextlib.asynccontextmanager
async def _both_ways(
    service: Service, url: str, direct: _Ledger, relayed: _Ledger
) -> AsyncIterator[None]:
    """Read the source straight and through the service until the block ends."""
    await asyncio.to_thread(service.wait_for, "ai_state", "active")
    session = (await asyncio.to_thread(service.sessions))[0]["id"]
    viewer = WhepViewer(service.url, session, relayed.note)
    connection = RtspConnection(url, transport="tcp", open_timeout_s=5, clock=SystemClock())
    reading = asyncio.create_task(connection.run(_Direct(direct.note)))
    try:
        await viewer.connect()
        deadline = time.monotonic() + _FIRST_PICTURE_S
        while not (direct.arrivals and relayed.arrivals):
            if time.monotonic() > deadline or reading.done():
                raise BenchError("no pictures came, straight or through the relay")
            await asyncio.sleep(0.1)
        await asyncio.sleep(_SETTLE_S)
        yield
    finally:
        reading.cancel()
        await asyncio.wait({reading})
        await viewer.aclose()


async def _run_blocks(
    settings: RelaySettings, service: Service, step_time: StepTime, progress: Callable[[str], None]
) -> list[_Block]:
    blocks = []
    for number in range(settings.rounds):
        for condition in CONDITIONS:
            progress(f"round {number + 1} of {settings.rounds}: AI {MEANINGS[condition]}")
            step_time.set(_STEP_MS.get(condition, _USUAL_STEP_MS))
            begin_ns = time.monotonic_ns()
            await _meddle(service, _SIGNALS.get(condition), settings.block_s)
            blocks.append(_Block(condition, begin_ns, time.monotonic_ns()))
            await _recover(service, step_time)
    await asyncio.sleep(_TAIL_S)
    return blocks


async def _meddle(service: Service, sent: signal.Signals | None, seconds: float) -> None:
    """Let time pass; send the worker a signal each time it is ready."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if sent is not None and await asyncio.to_thread(service.metric, "sali_worker_ready") == 1:
            for pid in await asyncio.to_thread(service.worker_pids):
                os.kill(pid, sent)
        await asyncio.sleep(min(_LOOK_S, max(0.0, end - time.monotonic())))


async def _recover(service: Service, step_time: StepTime) -> None:
    """Bring the AI back to work."""
    step_time.set(_USUAL_STEP_MS)
    for pid in await asyncio.to_thread(service.worker_pids):
        os.kill(pid, signal.SIGCONT)
    await asyncio.sleep(_LOOK_S)
    await asyncio.to_thread(service.wait_for, "ai_state", "active")


def _sum_up(
    settings: RelaySettings, blocks: list[_Block], direct: list[Arrival], relayed: list[Arrival]
) -> RelayResult:
    pairs = pair_up(direct, relayed, settings.shape.seconds)
    results: list[ConditionResult] = []
    delays_ms: dict[str, list[float]] = {}
    for condition in CONDITIONS:
        delays: list[float] = []
        block_p99: list[float] = []
        pictures = missing = 0
        for block in (one for one in blocks if one.condition == condition):
            inside = [pair for pair in pairs if block.begin_ns <= pair.first_ns < block.end_ns]
            came = [pair.delay_ms for pair in inside if pair.delay_ms is not None]
            pictures += len(inside)
            missing += len(inside) - len(came)
            delays += came
            if (spread := Percentiles.of(came)) is not None:
                block_p99.append(spread.p99_ms)
        delays_ms[condition] = delays
        results.append(
            ConditionResult(condition, Percentiles.of(delays), tuple(block_p99), pictures, missing)
        )
    return RelayResult(settings.shape, settings.block_s, tuple(results), delays_ms)
