"""What `sali bench model` found, as values; `text.py` and `plots.py` show them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sali_core.bench.limits import DeviceLimits
from sali_core.bench.machine import Machine
from sali_core.bench.stream_run import StreamTimes
from sali_core.bench.verdict import Verdict, sentence


@dataclass(frozen=True)
class StageReport:
    """One step in eager torch with a full bank.

    Attributes:
        median_ms: Of each stage.
        operations: Floating point operations of each stage.
    """

    median_ms: dict[str, float]
    operations: dict[str, int]


@dataclass(frozen=True)
class EngineReport:
    """What was measured of one engine.

    Attributes:
        engine: Its name.
        precision: It computes in.
        start_s: Seconds to load and compile.
        runs: By batch size, at least one; batch 1 twice if its memory did not fill in time.
        achieved_tflops: 10^12 operations a second at the largest throughput.
        matrix_share: The same, as a share of the device's measured matrix rate.
        max_difference: Of logits, to the first engine, over the first frames.
        dice: Of masks, to the first engine, over the first frames.
        verdict: What it keeps up with.
    """

    engine: str
    precision: str
    start_s: float
    runs: tuple[StreamTimes, ...]
    achieved_tflops: float | None
    matrix_share: float | None
    max_difference: float
    dice: float
    verdict: Verdict


@dataclass(frozen=True)
class EngineFailure:
    """Why an engine was not measured."""

    engine: str
    reason: str


@dataclass(frozen=True)
class BenchReport:
    """Everything; at least one engine was measured.

    Attributes:
        bank: Frames of a full bank.
        write_every_frames: A frame entered memory every so many.
        stages: None for networks that are not made of the five stages.
        engines: Measured, in the order they were run in.
        failures: Not measured.
    """

    machine: Machine
    weights: str
    profile: str
    topology: str
    backbone: str
    input_size: int
    device: str
    bank: int
    write_every_frames: int
    limits: DeviceLimits
    stages: StageReport | None
    engines: tuple[EngineReport, ...]
    failures: tuple[EngineFailure, ...]

    @property
    def best(self) -> EngineReport:
        """Of those measured with the fullest memory: most rooms, most frames, the quickest."""
        return max(
            self.engines,
            key=lambda e: (
                e.verdict.bank_frames,
                e.verdict.rooms,
                e.verdict.fps,
                -e.verdict.p99_ms,
            ),
        )

    @property
    def sentence(self) -> str:
        """What the machine is good for, in one line."""
        best = self.best
        return sentence(
            best.verdict,
            profile=self.profile,
            engine=best.engine,
            device=self.device,
            bank=self.bank,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"good_for": self.sentence}
