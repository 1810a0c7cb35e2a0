from __future__ import annotations

import torch

from sali_core.memory.token_bank import TokenBank
from sali_core.types import Projection

SIZES = ((8, 8), (4, 4), (2, 2))


def _projection(seed: int) -> Projection:
    g = torch.Generator().manual_seed(seed)
    keys = tuple(torch.randn(1, 4, *s, generator=g) for s in SIZES)
    values = tuple(torch.randn(1, 16, *s, generator=g) for s in SIZES)
    return Projection(keys, values)  # type: ignore[arg-type]


def test_a_read_takes_the_best_twenty_tokens_only() -> None:
    bank, stored, query = TokenBank(), _projection(0), _projection(1)
    bank.write(stored.keys, stored.values)
    read = bank.read(query)[0][0, :16]
    keys, values = stored.keys[0][0].flatten(1), stored.values[0][0].flatten(1)
    cell = query.keys[0][0, :, 3, 5]
    scores = -(keys - cell[:, None]).square().sum(0) / 2 + cell.square().sum() / 2
    best = scores.topk(20)
    expected = values[:, best.indices] @ torch.softmax(best.values, 0)
    torch.testing.assert_close(read[:, 3, 5], expected, atol=1e-5, rtol=1e-5)


def test_a_first_frame_reads_itself() -> None:
    query = _projection(2)
    itself = TokenBank().read(query)
    bank = TokenBank()
    bank.write(query.keys, query.values)
    for a, b in zip(itself, bank.read(query), strict=True):
        torch.testing.assert_close(a, b)


def test_frames_are_counted_by_their_tokens_at_stride_8() -> None:
    bank = TokenBank()
    assert bank.frames_held == 0
    for index in range(3):
        projection = _projection(index)
        bank.write(projection.keys, projection.values)
        assert bank.frames_held == index + 1


def test_nothing_is_cut_before_the_bank_was_full() -> None:
    bank = TokenBank(capacity_frames=3)
    for index in range(3):
        projection = _projection(index)
        bank.write(projection.keys, projection.values)
        bank.read(_projection(index + 50))
    assert bank.token_counts == (192, 48, 12)


def test_a_full_bank_cuts_the_least_used_and_what_ties_with_it() -> None:
    bank = TokenBank(capacity_frames=2)
    for index in range(2):
        projection = _projection(index)
        bank.write(projection.keys, projection.values)
        bank.read(_projection(index + 50))
    newest = _projection(9)
    bank.write(newest.keys, newest.values)
    counts = bank.token_counts
    # Tokens just written have usage 0 and tie with each other: all of them can go.
    assert all(count <= 2 * h * w for count, (h, w) in zip(counts, SIZES, strict=True))
    assert all(count > 0 for count in counts)


def test_a_full_bank_drops_the_frame_it_was_just_given() -> None:
    """The authors' rule, faithfully: what was never read ranks lowest (not for live use)."""
    bank = TokenBank(capacity_frames=2)
    old = [_projection(index) for index in range(2)]
    for projection in old:
        bank.write(projection.keys, projection.values)
    for seed in range(50, 90):  # every held token is read at least once
        bank.read(_projection(seed))
    before = bank.token_counts
    newest = _projection(9)
    bank.write(newest.keys, newest.values)
    assert bank.token_counts[2] <= before[2]
    itself = bank.read(newest)
    empty = TokenBank()
    empty.write(newest.keys, newest.values)
    assert not torch.allclose(itself[2], empty.read(newest)[2], atol=1e-2)
