from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from sali_core.config import MemoryConfig
from sali_core.engine.batched import BatchSegmenter
from sali_core.engine.dense_parts import split_batched
from sali_core.model.network import SaliNetwork
from sali_core.stream.masking import MaskRule
from sali_core.stream.memory_turn import take_turn
from sali_core.stream.segmenter import StreamSegmenter

MEMORY = MemoryConfig(capacity_frames=4, write_every_frames=3)


@dataclass
class Turn:
    frames_seen: int = 0
    is_left_out: bool = False
    owes_frame: bool = False


def _entered(left_out: set[int], frames: int = 16, every: int = 5) -> list[int]:
    turn, entered = Turn(), []
    for number in range(frames):
        turn.frames_seen, turn.is_left_out = number, number in left_out
        if take_turn(turn, every):
            entered.append(number)
    return entered


@pytest.mark.parametrize(
    ("left_out", "entered"),
    [
        (set(), [0, 5, 10, 15]),
        ({1, 2, 3, 7, 11}, [0, 5, 10, 15]),
        ({5, 6}, [0, 7, 10, 15]),
        (set(range(4, 13)), [0, 13, 15]),
        ({0, 5}, [0, 6, 10, 15]),
        (set(range(16)), [0]),
    ],
    ids=["none", "not due", "made up for", "long", "the first enters", "all"],
)
def test_a_frame_left_out_is_made_up_for_by_the_next_good_one(
    left_out: set[int], entered: list[int]
) -> None:
    assert _entered(left_out) == entered


def test_both_engines_leave_the_same_frames_out_and_give_the_same_masks(
    network: SaliNetwork,
) -> None:
    plain = StreamSegmenter(network, memory=MEMORY, threshold=0.5)
    batched = BatchSegmenter(
        network.config, split_batched(network), memory=MEMORY,
        rule=MaskRule(0.5), device=torch.device("cpu"), slots=2,
    )  # fmt: skip
    state, slot, other = plain.initial_state(), batched.initial_state(), batched.initial_state()
    rng = np.random.default_rng(2)
    for number in range(9):
        frame = rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)
        if number in (0, 3, 4):
            plain.leave_out(state)
            batched.leave_out(slot)
        expected = plain.step(state, frame)
        result, _ = batched.step_many([slot, other], [frame, frame])
        np.testing.assert_allclose(result.logits, expected.logits, atol=2e-5, rtol=0)
        assert result.memory_frame == expected.memory_frame
    assert plain.frames_held(state) == batched.frames_held(slot) == (0, 5, 6)
    assert batched.frames_held(other) == (0, 3, 6), "the neighbour's turns are its own"


def test_a_frame_left_out_changes_what_later_frames_read_and_not_its_own_mask(
    network: SaliNetwork,
) -> None:
    segmenter = StreamSegmenter(network, memory=MEMORY, threshold=0.5)
    one, other = segmenter.initial_state(), segmenter.initial_state()
    rng = np.random.default_rng(3)
    frames = [rng.integers(0, 256, (128, 128, 3), dtype=np.uint8) for _ in range(5)]
    for number, frame in enumerate(frames):
        if number == 3:
            segmenter.leave_out(other)
        a, b = segmenter.step(one, frame), segmenter.step(other, frame)
        assert (a.logits == b.logits).all() == (number < 4)
