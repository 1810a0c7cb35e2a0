"""What the measured times mean for a hospital: how many rooms at which frame rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sali_core.bench.stream_run import StreamTimes


@dataclass(frozen=True)
class Verdict:
    """What one engine was measured to keep up with.

    Attributes:
        rooms: Streams stepped together; 0 if not even one reaches a frame a second.
        fps: Frames a second of each, at most what was asked for.
        p99_ms: Of the step that this rests on.
        bank_frames: Memory frames of that measurement.
    """

    rooms: int
    fps: int
    p99_ms: float
    bank_frames: int


def judge(runs: Sequence[StreamTimes], fps: float = 25.0) -> Verdict:
    """Pick the largest measured batch whose slowest steps (p99) fit into a frame's time.

    Only runs with the fullest banks count: an emptier memory is quicker to read. Where not even
    the smallest batch of them fits, its own rate is told. Nothing is extrapolated: a batch size
    that was not measured is not claimed.

    Args:
        runs: Of one engine, at least one.
        fps: Frame rate of a room.
    """
    most = max(run.bank_frames for run in runs)
    fullest = [run for run in runs if run.bank_frames == most]
    fitting = [run for run in fullest if run.step.p99_ms <= 1000 / fps]
    if fitting:
        best = max(fitting, key=lambda run: run.batch)
        return Verdict(best.batch, int(fps), best.step.p99_ms, best.bank_frames)
    alone = min(fullest, key=lambda run: run.batch)
    own_fps = int(1000 / alone.step.p99_ms)
    rooms = alone.batch if own_fps else 0
    return Verdict(rooms, own_fps, alone.step.p99_ms, alone.bank_frames)


def sentence(verdict: Verdict, *, profile: str, engine: str, device: str, bank: int) -> str:
    """Say it in one line."""
    if verdict.rooms == 0:
        what = "not fit for live video, below one frame a second"
    else:
        what = f"{verdict.rooms} room{'s' * (verdict.rooms > 1)} at {verdict.fps} fps"
    memory = "" if verdict.bank_frames == bank else f" with only {verdict.bank_frames} of {bank}"
    return (
        f"This machine: {what}, {profile} profile "
        f"({engine} on {device}, p99 {verdict.p99_ms:.1f} ms, "
        f"{'full memory' if not memory else 'memory' + memory + ' frames, time ran out'}). "
        "Research use only, not a medical device."
    )
