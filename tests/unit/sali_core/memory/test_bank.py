from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sali_core.config import MemoryConfig
from sali_core.errors import EmptyMemoryError
from sali_core.memory.bank import MemoryBank
from sali_core.model.readout import collapse_bound, dense_tokens, read_memory
from sali_core.types import Projection

SIZES = ((8, 8), (4, 4), (2, 2))


def _projection(seed: int) -> Projection:
    g = torch.Generator().manual_seed(seed)
    keys = tuple(torch.randn(1, 8, *s, generator=g, dtype=torch.float64) for s in SIZES)
    values = tuple(torch.randn(1, 16, *s, generator=g, dtype=torch.float64) for s in SIZES)
    return Projection(keys, values)  # type: ignore[arg-type]


def _mask(seed: int, share: float) -> Tensor:
    g = torch.Generator().manual_seed(seed + 100)
    return torch.rand(64, 64, generator=g) < share


def _dense(frames: list[tuple[Projection, Tensor]], query: Projection, scale: int) -> Tensor:
    keys = torch.stack([p.keys[scale] for p, _ in frames], 1)
    values = torch.stack([p.values[scale] for p, _ in frames], 1)
    masks = torch.stack(
        [F.interpolate(m[None, None].double(), SIZES[scale], mode="area") for _, m in frames], 1
    )
    tokens = dense_tokens(keys, values, masks)
    return read_memory(tokens, query.keys[scale], query.values[scale])


@pytest.mark.parametrize("share", [0.0, 0.0003, 0.5, 1.0])
def test_collapsed_bank_reads_as_all_its_cells_would(share: float) -> None:
    bank = MemoryBank(MemoryConfig())
    frames = [(_projection(k), _mask(k, share)) for k in range(4)]
    for index, (projection, mask) in enumerate(frames):
        bank.write(index, projection, mask)
    query = _projection(99)
    for scale in range(3):
        read = read_memory(bank.tokens[scale], query.keys[scale], query.values[scale])
        # log(count) is kept in float32 by the background token.
        torch.testing.assert_close(read, _dense(frames, query, scale), atol=1e-6, rtol=1e-5)


def test_background_cells_are_one_token() -> None:
    bank = MemoryBank(MemoryConfig())
    mask = torch.zeros(64, 64, dtype=torch.bool)
    mask[:8, :8] = True  # one cell of the finest scale
    for index in range(3):
        bank.write(index, _projection(index), mask)
    assert [t.keys.shape[1] for t in bank.tokens] == [1 + 3, 1 + 3, 1 + 3]


def test_full_bank_lets_the_least_relevant_frame_go() -> None:
    bank = MemoryBank(MemoryConfig(capacity_frames=4))
    for index in range(4):
        bank.write(index, _projection(index), _mask(index, 0.3))
    newcomer = _projection(50)
    relevance = bank.relevance(newcomer)
    assert float(relevance.sum()) == pytest.approx(1.0, abs=1e-5)
    leaving = int(relevance.argmin())
    bank.write(4, newcomer, _mask(50, 0.3))
    assert bank.frame_indices == tuple(i for i in range(5) if i != leaving)


def test_relevance_is_the_attention_of_the_uncollapsed_read() -> None:
    frames = [(_projection(k), _mask(k, 0.002)) for k in range(3)]
    bank = MemoryBank(MemoryConfig())
    for index, (projection, mask) in enumerate(frames):
        bank.write(index, projection, mask)
    query = _projection(7)
    expected = []
    for scale in range(3):
        per_frame = []
        keys = [
            (p.keys[scale] * F.interpolate(m[None, None].double(), SIZES[scale], mode="area"))[0]
            for p, m in frames
        ]
        q = query.keys[scale][0].flatten(1).T
        k = torch.cat([x.flatten(1).T for x in keys])
        a = torch.softmax(-torch.cdist(q, k).square() / 8**0.5, 1).mean(0)
        per_frame = torch.stack([part.sum() for part in torch.split(a, len(a) // 3)])
        expected.append(per_frame)
    torch.testing.assert_close(
        bank.relevance(query).double(), torch.stack(expected).mean(0), atol=1e-5, rtol=1e-4
    )


def test_the_entering_frame_never_leaves() -> None:
    bank = MemoryBank(MemoryConfig(capacity_frames=3))
    for index in range(40):
        bank.write(index, _projection(index), _mask(index, 0.2))
        assert bank.frame_indices[-1] == index
        assert len(bank) == min(index + 1, 3)


def test_every_scale_holds_the_same_frames() -> None:
    bank = MemoryBank(MemoryConfig(capacity_frames=3))
    everything = torch.ones(64, 64, dtype=torch.bool)
    for index in range(10):
        bank.write(index, _projection(index), everything)
        for tokens, (h, w) in zip(bank.tokens, SIZES, strict=True):
            assert tokens.keys.shape[1] == len(bank) * h * w


def test_empty_bank_cannot_be_read() -> None:
    with pytest.raises(EmptyMemoryError, match="empty"):
        _ = MemoryBank(MemoryConfig()).tokens


def test_soft_masks_keep_every_cell_unless_told_to_collapse() -> None:
    soft = torch.linspace(0, 1, 64 * 64, dtype=torch.float64).view(64, 64)
    exact, collapsed = MemoryBank(MemoryConfig()), MemoryBank(MemoryConfig(collapse_below=0.5))
    for bank in (exact, collapsed):
        bank.write(0, _projection(0), soft)
    assert exact.tokens[0].keys.shape[1] == 64
    assert collapsed.tokens[0].keys.shape[1] == 1 + 32
    query = _projection(9)
    reads = [
        read_memory(bank.tokens[0], query.keys[0], query.values[0]) for bank in (exact, collapsed)
    ]
    assert not torch.allclose(*reads)
    torch.testing.assert_close(
        reads[0],
        read_memory(
            dense_tokens(
                _projection(0).keys[0][:, None],
                _projection(0).values[0][:, None],
                F.interpolate(soft[None, None], SIZES[0], mode="area")[:, None],
            ),
            query.keys[0],
            query.values[0],
        ),
    )


def test_unmasked_keys_make_every_cell_a_token_whatever_the_mask() -> None:
    banks = [MemoryBank(MemoryConfig(), masks_keys=False) for _ in range(2)]
    for bank, share in zip(banks, (0.0, 0.7), strict=True):
        for index in range(3):
            bank.write(index, _projection(index), _mask(index, share))
    for one, two, (h, w) in zip(banks[0].tokens, banks[1].tokens, SIZES, strict=True):
        assert one.keys.shape[1] == 3 * h * w
        assert torch.equal(one.keys, two.keys)


def test_a_bank_read_by_best_tokens_lets_a_frame_nobody_reads_go() -> None:
    bank = MemoryBank(MemoryConfig(capacity_frames=3), masks_keys=False, top_tokens=2)
    near, far = _projection(0), _projection(1)
    far = Projection(tuple(k + 50 for k in far.keys), far.values)  # type: ignore[arg-type]
    everything = torch.ones(64, 64, dtype=torch.bool)
    bank.write(0, near, everything)
    bank.write(1, far, everything)
    bank.write(2, near, everything)
    assert bank.relevance(near)[1] == 0
    bank.write(3, near, everything)
    assert bank.frame_indices == (0, 2, 3)
    for tokens, (h, w) in zip(bank.tokens, SIZES, strict=True):
        assert tokens.keys.shape[1] == 3 * h * w


def test_of_equally_irrelevant_frames_the_oldest_leaves() -> None:
    bank = MemoryBank(MemoryConfig(capacity_frames=3))
    nothing = torch.zeros(64, 64, dtype=torch.bool)
    for index in range(5):  # no polyp anywhere: all frames are background and equal
        bank.write(index, _projection(index), nothing)
    assert bank.frame_indices == (2, 3, 4)


def test_collapsing_soft_masks_in_the_bank_stays_within_the_stated_bound() -> None:
    tau = 0.2
    soft = torch.rand(64, 64, generator=torch.Generator().manual_seed(3)).double() ** 2
    exact, collapsed = MemoryBank(MemoryConfig()), MemoryBank(MemoryConfig(collapse_below=tau))
    for bank in (exact, collapsed):
        bank.write(0, _projection(0), soft)
    query = _projection(9)
    for scale in range(3):
        one, other = (
            read_memory(bank.tokens[scale], query.keys[scale], query.values[scale])[0, :16]
            for bank in (exact, collapsed)
        )
        keys, values = _projection(0).keys[scale], _projection(0).values[scale]
        share = collapse_bound(
            tau, float(keys.norm(dim=1).max()), float(query.keys[scale].norm(dim=1).max()), 8
        )
        spread = values.amax((0, 2, 3)) - values.amin((0, 2, 3))
        # log(count) is kept in float32 by the background token.
        assert ((one - other).abs().amax((1, 2)) <= share * spread + 1e-6).all()
