"""Our engine beside the authors' form: the same frames, weights and device, in turns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from sali_core.bench.frames import BenchFrames
from sali_core.bench.timing import Deadline, Spread, timed
from sali_core.errors import EngineError
from sali_core.stream.model import StreamModel
from sali_core.types import StepResult
from tests.bench.authors import AuthorsForm

LEAST_ROUNDS = 3
CLOSE = 1e-3
"""A difference of logits up to which they count as the same."""


@dataclass
class Agreement:
    """How far our results are from those of the authors' form in float32.

    Attributes:
        frames: Compared.
        max_difference: Of logits.
        share_close: Of the pixels, those whose logits differ by at most `CLOSE`. In `released` a
            query's 20th and 21st token may change places, which moves a few pixels further.
        logits_std: Of the authors' logits: what a difference is small or large against.
        dice: Of the thresholded masks, all pixels of all frames together.
        least_dice: Of the worst frame; frames without polyp in both agree fully.
        mask_share: Of the pixels, what the authors' masks cover.
    """

    frames: int = 0
    max_difference: float = 0.0
    share_close: float = 0.0
    logits_std: float = 0.0
    dice: float = 1.0
    least_dice: float = 1.0
    mask_share: float = 0.0
    _sums: dict[str, float] = field(default_factory=lambda: {"both": 0.0, "either": 0.0})

    def add(
        self, ours: StepResult, logits: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_]
    ) -> None:
        """Count one frame.

        Raises:
            EngineError: Logits of either are not finite: no difference would show that.
        """
        for whose, values in (("ours", ours.logits), ("the authors'", logits)):
            if not np.isfinite(values).all():
                raise EngineError(f"frame {self.frames}: logits ({whose}) are not finite")
        difference = np.abs(ours.logits - logits)
        self.max_difference = max(self.max_difference, float(difference.max()))
        both, either = float((ours.mask & mask).sum()), float(ours.mask.sum() + mask.sum())
        self._sums["both"] += both
        self._sums["either"] += either
        self.least_dice = min(self.least_dice, _dice(both, either))
        self.dice = _dice(self._sums["both"], self._sums["either"])
        seen = self.frames / (self.frames + 1)
        self.logits_std = seen * self.logits_std + (1 - seen) * float(logits.std())
        self.share_close = seen * self.share_close + (1 - seen) * float(
            (difference <= CLOSE).mean()
        )
        self.mask_share = seen * self.mask_share + (1 - seen) * float(mask.mean())
        self.frames += 1

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        values = {k: v for k, v in asdict(self).items() if not k.startswith("_")}
        return {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in values.items()}


@dataclass(frozen=True)
class Row:
    """One batch size.

    Attributes:
        batch: Streams stepped together by ours; the authors' form knows one stream at a time.
        ours: Times of one step of all of them.
        authors: Times of one step of one stream.
        ratio: authors' median / (our median / batch).
        agreement: Of our stream 0 with the authors' stream.
    """

    batch: int
    ours: Spread
    authors: Spread
    ratio: float
    agreement: Agreement

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "batch": self.batch,
            "ours": asdict(self.ours),
            "authors": asdict(self.authors),
            "ratio": self.ratio,
            "agreement": self.agreement.to_dict(),
        }


class Comparison:
    """Holds the authors' stream, its bank full, and what it gave for every frame."""

    def __init__(self, authors: AuthorsForm, frames: BenchFrames, fill_steps: int) -> None:
        """Run the authors' form in float32 until its bank is full, and some frames more.

        Args:
            authors: In float32; has seen nothing.
            frames: What both see.
            fill_steps: Frames until the bank is full.
        """
        self._frames, self._fill_steps = frames, fill_steps
        self._truth = [
            (authors.step(frames.frame(0, number)), authors.shown_mask)
            for number in range(fill_steps + LEAST_ROUNDS)
        ]
        self._authors = authors

    def lower_to(self, precision: torch.dtype) -> None:
        """Time the authors' form in another precision from now on; truth stays float32."""
        self._authors = self._authors.at_precision(precision)

    def run(
        self,
        engine: StreamModel,
        batch: int,
        *,
        rounds: int,
        seconds: float,
        authors_every: int = 1,
    ) -> Row:
        """Fill the banks of `batch` streams of ours, then time both in turns.

        Args:
            engine: Ours.
            batch: Streams.
            rounds: At most; at least three.
            seconds: After so many no round begins.
            authors_every: The authors' form takes its turn every so many rounds; it takes part in
                the first three.
        """
        states = [engine.initial_state() for _ in range(batch)]
        agreement = Agreement()
        device = self._authors.device
        for number in range(self._fill_steps):
            result = engine.step_many(states, self._frames.batch(batch, number))[0]
            self._compare(agreement, number, result)
        deadline = Deadline(seconds)
        mine: list[float] = []
        theirs: list[float] = []
        self._authors.step(self._frames.frame(0, 0))  # first use of a precision picks kernels
        while len(mine) < LEAST_ROUNDS or (len(mine) < rounds and not deadline.has_passed):
            number = self._fill_steps + len(mine)
            pictures = self._frames.batch(batch, number)
            results, ms = timed(lambda p=pictures: engine.step_many(states, p), device)
            mine.append(ms)
            if len(mine) <= LEAST_ROUNDS or len(mine) % authors_every == 0:
                theirs.append(timed(lambda p=pictures: self._authors.step(p[0]), device)[1])
            self._compare(agreement, number, results[0])
        ours, authors = Spread.of(mine), Spread.of(theirs)
        ratio = round(authors.p50_ms * batch / ours.p50_ms, 2)
        return Row(batch, ours, authors, ratio, agreement)

    def _compare(self, agreement: Agreement, number: int, result: StepResult) -> None:
        if number < len(self._truth):
            agreement.add(result, *self._truth[number])


def _dice(both: float, either: float) -> float:
    return 2 * both / either if either else 1.0
