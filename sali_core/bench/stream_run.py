"""Times an engine over streams: as they live, banks growing from empty, or with full banks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import torch

from sali_core.bench.frames import BenchFrames
from sali_core.bench.timing import Deadline, Spread, timed
from sali_core.config import MemoryConfig
from sali_core.stream.model import StreamModel
from sali_core.types import StepResult

_WARM_UP = 3
_LEAST_STEPS = _WARM_UP + 3
_EARLY_FRAME, _WINDOW = 200, 25
KEPT_RESULTS = 20
"""Results of stream 0 that are kept for comparison with another engine."""


@dataclass(frozen=True)
class AgeEffect:
    """Median times of the same full bank, early and late in a stream; ms."""

    early_frame: int
    early_ms: float
    late_frame: int
    late_ms: float


@dataclass(frozen=True)
class StreamTimes:
    """Times of steps of a batch of streams.

    Attributes:
        batch: Streams stepped together.
        bank_frames: Memory frames each had at the end.
        steps: Steps made.
        step: Of one step of all of them, with a full bank; of the last third if it never was full.
        by_bank: (memory frames, median ms) as the bank grew; one if it began full.
        age: Early against late; None if the stream was too short to tell.
    """

    batch: int
    bank_frames: int
    steps: int
    step: Spread
    by_bank: tuple[tuple[int, float], ...]
    age: AgeEffect | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


class MeasuredModel(StreamModel, Protocol):
    """A model whose memory can be filled without living through a stream."""

    def full_state(self) -> Any:
        """Return a state with a full memory."""
        ...


def run_streams(
    engine: MeasuredModel,
    frames: BenchFrames,
    memory: MemoryConfig,
    *,
    batch: int,
    steps: int,
    deadline: Deadline,
    full: bool = False,
) -> tuple[StreamTimes, list[StepResult]]:
    """Step a batch of new streams until `steps` are made or time is up.

    Args:
        engine: With the memory policy `memory`.
        frames: What the streams show.
        memory: To know how full banks are.
        batch: Streams.
        steps: At most.
        deadline: After it no step begins, except for the first few.
        full: Start with full banks instead of empty ones.

    Returns:
        Times, and the first results of stream 0.
    """
    device = torch.device(engine.info.device)
    new_state = engine.full_state if full else engine.initial_state
    states = [new_state() for _ in range(batch)]
    times: list[float] = []
    kept: list[StepResult] = []
    while len(times) < _LEAST_STEPS or (len(times) < steps and not deadline.has_passed):
        pictures = frames.batch(batch, len(times))
        results, ms = timed(lambda p=pictures: engine.step_many(states, p), device)  # type: ignore[misc]
        times.append(ms)
        if len(kept) < KEPT_RESULTS:
            kept.append(results[0])
    return (summarise_full if full else summarise)(times, memory, batch), kept


def summarise_full(times_ms: list[float], memory: MemoryConfig, batch: int) -> StreamTimes:
    """Tell the times of steps of streams that started with full banks in few figures."""
    step = Spread.of(times_ms[_WARM_UP:])
    held = memory.capacity_frames
    return StreamTimes(batch, held, len(times_ms), step, ((held, step.p50_ms),), None)


def summarise(times_ms: list[float], memory: MemoryConfig, batch: int) -> StreamTimes:
    """Tell the times of steps 0, 1, ... of new streams in few figures."""
    held = [frames_held(number, memory) for number in range(len(times_ms))]
    by_bank = {
        count: [
            ms for h, ms in zip(held[_WARM_UP:], times_ms[_WARM_UP:], strict=True) if h == count
        ]
        for count in sorted(set(held[_WARM_UP:]))
    }
    medians = tuple((count, round(float(np.median(ms)), 3)) for count, ms in by_bank.items())
    last = held[-1]
    if last == memory.capacity_frames:
        settled = [ms for h, ms in zip(held, times_ms, strict=True) if h == last]
    else:  # time ran out: the last third stands for what was reached
        settled = times_ms[-max(len(times_ms) // 3, 3) :]
    return StreamTimes(
        batch=batch,
        bank_frames=last,
        steps=len(times_ms),
        step=Spread.of(settled),
        by_bank=medians,
        age=_age(times_ms, held.index(last) if last == memory.capacity_frames else None),
    )


def frames_held(step: int, memory: MemoryConfig) -> int:
    """Memory frames that step number `step` of a stream reads."""
    written = -(-step // memory.write_every_frames)
    return min(written, memory.capacity_frames)


def _age(times_ms: list[float], full_since: int | None) -> AgeEffect | None:
    if full_since is None:
        return None
    early = max(_EARLY_FRAME, full_since + _WINDOW)
    late = len(times_ms) - _WINDOW
    if late < early + 2 * _WINDOW:
        return None

    def around(frame: int) -> float:
        return round(float(np.median(times_ms[frame - _WINDOW : frame + _WINDOW])), 3)

    return AgeEffect(early, around(early), late, around(late))
