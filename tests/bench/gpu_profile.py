"""One network on a GPU: its authors' form, its operations, and rows of our engines beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sali_core.bench.frames import BenchFrames
from sali_core.bench.networks import save_random_weights
from sali_core.bench.stages import OperationCount, StagedStream, call_stage
from sali_core.config import MemoryConfig, get_profile
from sali_core.engine import Engine, create_engine
from sali_core.engine.precision import allow_tf32
from sali_core.stream.masking import MaskRule
from sali_core.types import StepResult
from sali_core.weights.registry import resolve_weights
from sali_core.weights.store import load_network
from tests.bench.authors import AuthorsForm
from tests.bench.comparison import Agreement, Comparison

DTYPES = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
MOST_DIFFERENCE, LEAST_DICE = 2e-2, 0.999
"""Bounds of a lower precision: logits, and masks of all frames together."""

_SHIPPED = {"small": "small-demo"}
_AUTHORS_EVERY = 6


@dataclass(frozen=True)
class RowSettings:
    """How each row is measured.

    Attributes:
        bank: Frames of a full bank; one is written at every step, which costs us more.
        rounds: Steps of ours at most.
        seconds: For them, about.
        frames: Of the stream that a lower precision is judged on.
    """

    bank: int = 35
    rounds: int = 60
    seconds: float = 3.0
    frames: int = 300


class ProfileBench:
    """The authors' stream, its bank full, is made once; it takes turns with every engine."""

    def __init__(
        self, profile: str, device: torch.device, settings: RowSettings, folder: Path
    ) -> None:
        """Load or draw weights, count operations, run the authors' form until its bank is full.

        Args:
            profile: Named profile.
            device: What is measured.
            settings: How.
            folder: For a file of random weights.
        """
        self.profile, self._device, self._settings = profile, device, settings
        self._path = self._weights_file(folder)
        network, header = load_network(self._path)
        self.weights = header.name
        self._frames = BenchFrames(network.config.input_size)
        rule = MaskRule(header.threshold, header.peak_threshold)
        memory = MemoryConfig(settings.bank, 1)
        authors = AuthorsForm(
            network.config, network.state_dict(), rule, memory=memory, device=device
        )
        with allow_tf32(False):
            staged = StagedStream(network.to(device), memory, header.threshold, device)
            self.operations = _count_operations(staged, self._frames)
            self._comparison = Comparison(authors, self._frames, settings.bank)
        self._memory = memory
        self._expected: list[StepResult] = []

    def start(self, engine: str, precision: str) -> Engine:
        """Start an engine; the authors' form computes in the same precision from now on."""
        self._comparison.lower_to(DTYPES[precision])
        return create_engine(
            self._path, str(self._device), engine=engine, precision=precision, memory=self._memory
        )

    def measure(
        self, engine: Engine, precision: str, batch: int, matrix_tflops: float
    ) -> dict[str, Any]:
        """Fill banks of `batch` streams, then take turns; plain JSON values."""
        settings = self._settings
        with allow_tf32(precision == "tf32"):
            row = self._comparison.run(
                engine,
                batch,
                rounds=settings.rounds,
                seconds=settings.seconds,
                authors_every=_AUTHORS_EVERY,
            )
        frame_ms = row.ours.p50_ms / batch
        tflops = self.operations / frame_ms / 1e9
        return row.to_dict() | {
            "frame_ms": round(frame_ms, 4),
            "streams_at_30_fps": batch if row.ours.p99_ms <= 1e3 / 30 else 0,
            "tflops": round(tflops, 3),
            "matrix_share": round(tflops / matrix_tflops, 4),
        }

    def judge(self, engine: Engine, precision: str) -> dict[str, Any] | None:
        """Hold a long stream in a lower precision to the one in float32; None for that one."""
        state = engine.initial_state()
        agreement = Agreement()
        for number in range(self._settings.frames):
            result = engine.step(state, self._frames.frame(0, number))
            if precision == "float32":
                self._expected.append(result)
            elif self._expected:
                expected = self._expected[number]
                agreement.add(result, expected.logits, expected.mask)
        if precision == "float32" or not self._expected:
            return None
        holds = agreement.max_difference <= MOST_DIFFERENCE and agreement.dice >= LEAST_DICE
        return agreement.to_dict() | {"within_bounds": holds}

    def _weights_file(self, folder: Path) -> Path:
        if self.profile in _SHIPPED:
            return resolve_weights(_SHIPPED[self.profile])
        config = get_profile(self.profile)
        return save_random_weights(folder, self.profile, config)


def _count_operations(stream: StagedStream, frames: BenchFrames) -> int:
    """Of one step with a full bank."""
    for number in range(2):
        stream.step(frames.frame(0, number), call_stage)
    stream.fill()
    count = OperationCount()
    stream.step(frames.frame(0, 2), count)
    return sum(count.operations.values())
