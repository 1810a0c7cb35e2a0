"""`sali bench model`: compares every engine that runs a network on a device, within a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sali_core.bench.engines import choose_engines, list_engines
from sali_core.bench.frames import BenchFrames
from sali_core.bench.limits import DeviceLimits, measure_limits
from sali_core.bench.machine import describe_machine
from sali_core.bench.results import BenchReport, EngineFailure, EngineReport, StageReport
from sali_core.bench.stages import (
    OperationCount,
    StagedStream,
    StageTimes,
    call_stage,
    can_be_staged,
)
from sali_core.bench.stream_run import MeasuredModel, StreamTimes, run_streams
from sali_core.bench.timing import Deadline
from sali_core.bench.verdict import judge
from sali_core.config import MemoryConfig
from sali_core.engine import create_engine
from sali_core.engine.device import pick_device
from sali_core.errors import ConfigError, EngineError
from sali_core.model.build import Network
from sali_core.types import StepResult
from sali_core.weights.header import WeightsHeader
from sali_core.weights.store import load_network

_MOST_STREAMS = 64
_LIMITS_S = 5.0
_STAGES_SHARE, _BATCH_SHARE = 0.15, 0.6


@dataclass(frozen=True)
class BenchSettings:
    """What to measure.

    Attributes:
        device: `auto`, `cpu`, `cuda`, `cuda:N`.
        engines: Names; empty: all there are.
        batches: Streams stepped together, each for a few steps even when time is up; empty: 1, 2,
            4, ... while a step fits a frame's time.
        bank: Frames of a full bank.
        frames: Steps of a stream at most.
        seconds: For everything but imports and the engines' starts.
        fps: Frame rate of a room.
    """

    device: str = "auto"
    engines: tuple[str, ...] = ()
    batches: tuple[int, ...] = ()
    bank: int = 35
    frames: int = 600
    seconds: float = 120.0
    fps: float = 25.0

    def __post_init__(self) -> None:
        if not 1.0 <= self.fps <= 240.0:
            raise ConfigError(f"fps must be in [1, 240], got {self.fps}")
        if self.seconds < 1.0 or self.frames < 1 or min(self.batches, default=1) < 1:
            raise ConfigError("seconds, frames and batch must be at least 1")


def bench_model(
    weights: Path,
    settings: BenchSettings,
    command: Sequence[str],
    progress: Callable[[str], None] = lambda _: None,
) -> BenchReport:
    """Measure.

    Args:
        weights: A weights file.
        settings: What to measure.
        command: What was typed; for the report.
        progress: Told what is measured now.

    Raises:
        CheckpointError: The weights cannot be used.
        ConfigError: The device or an engine is not there.
        EngineError: No engine could be measured.
    """
    device = pick_device(settings.device)
    machine = describe_machine(device, command)  # before this work adds to its load
    network, header = load_network(weights)
    names = choose_engines(list_engines(header.config, device), settings.engines)
    deadline = Deadline(settings.seconds)
    progress("matrix rate and bandwidth of the device")
    limits = measure_limits(device, seconds=min(0.06 * settings.seconds, _LIMITS_S))
    frames = BenchFrames(header.config.input_size)
    stages = None
    if can_be_staged(network):
        progress("stages in eager torch")
        part = deadline.part(_STAGES_SHARE)
        stages = _measure_stages(network.to(device), header, frames, settings, part)
    memory = _memory(stages, settings, len(names), deadline.left_s)
    bench = _EngineBench(weights, settings, memory, frames, limits, stages)
    reports, failures = _measure_engines(bench, names, deadline, progress)
    return BenchReport(
        machine=machine,
        weights=header.name,
        profile=header.profile,
        topology=header.config.topology,
        backbone=header.config.backbone,
        input_size=header.config.input_size,
        device=str(device),
        bank=settings.bank,
        write_every_frames=memory.write_every_frames,
        limits=limits,
        stages=stages,
        engines=tuple(reports),
        failures=tuple(failures),
    )


def _measure_engines(
    bench: _EngineBench,
    names: Sequence[str],
    deadline: Deadline,
    progress: Callable[[str], None],
) -> tuple[list[EngineReport], list[EngineFailure]]:
    """Start all engines, which is not counted, then share the time that is left."""
    started: list[tuple[str, MeasuredModel, float]] = []
    failures: list[EngineFailure] = []
    for name in names:
        progress(f"start of engine {name}")
        with deadline.paused():
            outcome = bench.start(name)
        if isinstance(outcome, EngineFailure):
            failures.append(outcome)
        else:
            started.append((name, *outcome))
    if not started:
        reasons = "; ".join(f"{f.engine}: {f.reason}" for f in failures)
        raise EngineError(f"no engine could be measured: {reasons}")
    reports = []
    for place, (name, engine, start_s) in enumerate(started):
        progress(f"engine {name}")
        part = deadline.part(1 / (len(started) - place))
        reports.append(bench.measure(name, engine, start_s, part))
    return reports, failures


class _EngineBench:
    """Measures engines one after another; results of the first are what others are held to."""

    def __init__(
        self,
        weights: Path,
        settings: BenchSettings,
        memory: MemoryConfig,
        frames: BenchFrames,
        limits: DeviceLimits,
        stages: StageReport | None,
    ) -> None:
        self._weights, self._settings, self._memory = weights, settings, memory
        self._frames, self._limits, self._stages = frames, limits, stages
        self._expected: list[StepResult] = []

    def start(self, name: str) -> tuple[MeasuredModel, float] | EngineFailure:
        """Load and compile an engine; return it with the seconds that took."""
        begin = time.perf_counter()
        try:
            engine = create_engine(
                self._weights, self._settings.device, engine=name, memory=self._memory
            )
        except (EngineError, ImportError) as exc:
            return EngineFailure(name, str(exc))
        return engine, round(time.perf_counter() - begin, 2)

    def measure(
        self, name: str, engine: MeasuredModel, start_s: float, deadline: Deadline
    ) -> EngineReport:
        """Run an engine's batches until time is up."""
        runs: list[StreamTimes] = []
        first: list[StepResult] = []
        for batch in self._batches(runs):
            grows = batch == 1
            times, results = self._run(engine, batch, deadline, full=not grows)
            runs.append(times)
            first = first or results
            if grows and times.bank_frames < self._memory.capacity_frames:
                runs.append(self._run(engine, batch, deadline, full=True)[0])
            if deadline.has_passed and not self._settings.batches:
                break
        self._expected = self._expected or first
        difference, dice = agreement(self._expected, first)
        tflops = self._tflops(runs)
        return EngineReport(
            engine=name,
            precision=engine.info.precision,
            start_s=start_s,
            runs=tuple(runs),
            achieved_tflops=tflops and round(tflops, 4),
            matrix_share=tflops and round(tflops / self._limits.matrix_tflops, 4),
            max_difference=difference,
            dice=dice,
            verdict=judge(runs, self._settings.fps),
        )

    def _batches(self, runs: list[StreamTimes]) -> Iterator[int]:
        """The batch sizes asked for, or doubling ones while the last run kept up."""
        if self._settings.batches:
            yield from self._settings.batches
            return
        batch = 1
        while batch <= _MOST_STREAMS:
            yield batch
            if runs[-1].step.p99_ms > 1000 / self._settings.fps:
                return
            batch *= 2

    def _run(
        self, engine: MeasuredModel, batch: int, deadline: Deadline, *, full: bool
    ) -> tuple[StreamTimes, list[StepResult]]:
        return run_streams(
            engine,
            self._frames,
            self._memory,
            batch=batch,
            steps=self._settings.frames,
            deadline=deadline.part(_BATCH_SHARE),
            full=full,
        )

    def _tflops(self, runs: list[StreamTimes]) -> float | None:
        """10^12 operations a second at the largest throughput with full banks."""
        if self._stages is None:
            return None
        operations = sum(self._stages.operations.values())
        full = [run for run in runs if run.bank_frames == self._memory.capacity_frames]
        return operations / min(run.step.p50_ms / run.batch for run in full) / 1e9


def _measure_stages(
    network: Network,
    header: WeightsHeader,
    frames: BenchFrames,
    settings: BenchSettings,
    deadline: Deadline,
) -> StageReport:
    """Count one step's operations and time as many steps as there is time for, bank full."""
    device = pick_device(settings.device)
    stream = StagedStream(network, MemoryConfig(settings.bank, 1), header.threshold, device)
    for number in range(2):
        stream.step(frames.frame(0, number), call_stage)
    stream.fill()
    count = OperationCount()
    stream.step(frames.frame(0, 2), count)
    times = StageTimes(device)
    number = 3
    while number < 6 or (number < min(60, settings.frames) and not deadline.has_passed):
        stream.step(frames.frame(0, number), times)
        number += 1
    medians = {stage: round(float(np.median(ms)), 3) for stage, ms in times.times_ms.items()}
    return StageReport(medians, count.operations)


def _memory(
    stages: StageReport | None, settings: BenchSettings, engines: int, left_s: float
) -> MemoryConfig:
    """Write every 5 frames as in life, or every frame where banks would not fill in time."""
    usual = MemoryConfig(settings.bank)
    if stages is None:
        return usual
    step_s = sum(stages.median_ms.values()) / 1e3
    steps = settings.bank * usual.write_every_frames
    fits = steps * step_s < left_s / engines / 4 and steps < settings.frames
    return usual if fits else MemoryConfig(settings.bank, 1)


def agreement(expected: list[StepResult], results: list[StepResult]) -> tuple[float, float]:
    """Largest difference of logits, and Dice of all masks together."""
    both = either = 0
    difference = 0.0
    for a, b in zip(expected, results, strict=False):  # of the shorter stream
        difference = max(difference, float(np.abs(a.logits - b.logits).max()))
        both += int((a.mask & b.mask).sum())
        either += int(a.mask.sum() + b.mask.sum())
    return difference, 2 * both / either if either else 1.0
