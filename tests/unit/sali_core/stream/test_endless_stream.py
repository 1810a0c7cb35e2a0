"""A stream without an end must not grow: 10,000 steps through the real bank and segmenter."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import torch
from torch import Tensor

from sali_core.config import MemoryConfig, ModelConfig
from sali_core.model.readout import MemoryTokens
from sali_core.stream.segmenter import StreamSegmenter
from sali_core.types import FeaturePyramid, Projection, StepOutput

SIZE = 64
STEPS = 10_000


class Noise:
    """A network of no weights: random features, keys and values of the right shapes."""

    config = ModelConfig(input_size=SIZE)

    def __init__(self) -> None:
        self._generator = torch.Generator().manual_seed(0)

    def __call__(
        self, rgb: Tensor, previous: FeaturePyramid | None, tokens: tuple[MemoryTokens, ...] | None
    ) -> StepOutput:
        def maps(channels: int) -> FeaturePyramid:
            return tuple(  # type: ignore[return-value]
                torch.randn(1, channels, SIZE // s, SIZE // s, generator=self._generator)
                for s in (8, 16, 32)
            )

        logits = torch.randn(1, 1, SIZE, SIZE, generator=self._generator)
        return StepOutput(logits, maps(4), Projection(maps(8), maps(16)))


def test_ten_thousand_steps_hold_no_more_memory_than_a_full_bank() -> None:
    segmenter = StreamSegmenter(Noise(), memory=MemoryConfig(), threshold=0.5)
    state = segmenter.initial_state()
    frame = np.zeros((SIZE, SIZE, 3), np.uint8)
    full = None
    for step in range(STEPS):
        segmenter.step(state, frame)
        assert len(state.bank) <= 35
        if step == 500:  # the bank has been full for a while
            gc.collect()
            tracemalloc.start()
            full = tracemalloc.take_snapshot()
            objects = len(gc.get_objects())
            tensors = _tensor_bytes()
    assert full is not None
    gc.collect()
    grown = tracemalloc.take_snapshot().compare_to(full, "filename")
    tracemalloc.stop()
    assert sum(entry.size_diff for entry in grown) < 500_000  # bytes of Python objects
    assert len(gc.get_objects()) - objects < 2_000
    # Tokens come and go with the masks of the frames held; random masks differ by a few cells.
    assert _tensor_bytes() < 1.1 * tensors + 100_000
    assert state.frames_seen == STEPS


def _tensor_bytes() -> int:
    return sum(x.untyped_storage().nbytes() for x in gc.get_objects() if type(x) is torch.Tensor)
