"""How much later a picture comes through our relay than straight from its source.

Two players of one source side by side (`relay_players`), stamped by one clock. Blocks of time with
the AI at work, slow, stopped and killed take turns on the same connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from server.bench.coded_video import (
    BLOCK_PX,
    CodedVideo,
    VideoShape,
    render_coded_video,
)
from server.bench.marker_model import StepTime, marker_environment
from server.bench.pairing import Arrival, pair_up
from server.bench.percentiles import Percentiles
from server.bench.publisher import Publisher, PublisherKind
from server.bench.relay_players import browser_players, packet_players
from server.bench.service import Service

Player = Literal["packets", "chromium"]
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
_TAIL_S = 1.0
_LOOK_S = 0.5


@dataclass(frozen=True)
class RelaySettings:
    """How long, and of what.

    Attributes:
        shape: The source's video.
        block_s: Seconds of a block.
        rounds: Blocks of each condition.
        player: "packets" (an RTSP source) or "chromium" (a WebRTC source).
    """

    shape: VideoShape
    block_s: float = 10.0
    rounds: int = 5
    player: Player = "packets"


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
    player: Player
    block_s: float
    conditions: tuple[ConditionResult, ...]
    delays_ms: dict[str, list[float]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; single delays are left to the plots."""
        found = asdict(self)
        del found["delays_ms"]
        return found


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
    file = render_coded_video(folder, settings.shape, progress)
    step_time = StepTime(folder / "step_ms", _USUAL_STEP_MS)
    environment = marker_environment(
        (settings.shape.width, settings.shape.height), BLOCK_PX, step_time
    )
    kind: PublisherKind = "rtsp" if settings.player == "packets" else "whip"
    async with contextlib.AsyncExitStack() as stack:
        publisher = stack.enter_context(Publisher(kind, file))
        sources = publisher.urls or ["whip"]
        service = stack.enter_context(Service(sources, environment, folder))
        if kind == "whip":
            session = service.sessions()[0]["id"]
            endpoint = f"{service.url}/v1/sessions/{session}/whip"
            await asyncio.to_thread(publisher.ask, "publish", [endpoint])
            players = browser_players(service, file)
        else:
            players = packet_players(service, publisher.urls[0], CodedVideo.read(file))
        collect = await stack.enter_async_context(players)
        blocks = await _run_blocks(settings, service, step_time, progress)
        direct, relayed = await collect()
    return _sum_up(settings, blocks, direct, relayed)


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
        if sent is not None and await asyncio.to_thread(service.is_ready):
            for pid in await asyncio.to_thread(service.worker_pids):
                os.kill(pid, sent)
        await asyncio.sleep(min(_LOOK_S, max(0.0, end - time.monotonic())))


async def _recover(service: Service, step_time: StepTime) -> None:
    """Bring the AI back to work."""
    step_time.set(_USUAL_STEP_MS)
    for pid in await asyncio.to_thread(service.worker_pids):
        os.kill(pid, signal.SIGCONT)
    await asyncio.sleep(_LOOK_S)
    await asyncio.to_thread(service.wait_until_ready)


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
    return RelayResult(settings.shape, settings.player, settings.block_s, tuple(results), delays_ms)
