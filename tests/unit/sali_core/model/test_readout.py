from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sali_core.errors import EmptyMemoryError, ShapeError
from sali_core.model.readout import (
    MemoryTokens,
    attention_by_frame,
    attention_received,
    collapse_bound,
    dense_tokens,
    read_memory,
)


def _plain_read(
    keys: Tensor, values: Tensor, masks: Tensor, q: Tensor, v: Tensor
) -> tuple[Tensor, Tensor]:
    """Eq. 3 with the full squared distance, one cell at a time; also the mean attention."""
    ck = q.shape[1]
    k = (keys * masks).movedim(2, -1).reshape(-1, ck)
    val = values.movedim(2, -1).reshape(-1, values.shape[2])
    cells = q[0].flatten(1).T
    readout, received = [], torch.zeros(len(k), dtype=q.dtype)
    for cell in cells:
        scores = -(cell - k).square().sum(1) / ck**0.5
        a = torch.exp(scores - scores.max())
        a = a / a.sum()
        readout.append(a @ val)
        received += a / len(cells)
    r = torch.stack(readout).T.reshape(1, -1, *q.shape[2:])
    return torch.cat((r, v), 1), received


def _example(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    keys = torch.randn(1, 3, 8, 4, 5, generator=g, dtype=torch.float64)
    values = torch.randn(1, 3, 16, 4, 5, generator=g, dtype=torch.float64)
    masks = torch.rand(1, 3, 1, 4, 5, generator=g, dtype=torch.float64)
    masks = masks * (masks > 0.5)
    q = torch.randn(1, 8, 4, 5, generator=g, dtype=torch.float64)
    v = torch.randn(1, 16, 4, 5, generator=g, dtype=torch.float64)
    return keys, values, masks, q, v


def test_fused_read_equals_equation_3() -> None:
    keys, values, masks, q, v = _example()
    expected, received = _plain_read(keys, values, masks, q, v)
    tokens = dense_tokens(keys, values, masks)
    torch.testing.assert_close(read_memory(tokens, q, v), expected, atol=1e-10, rtol=1e-10)
    each_its_own = torch.eye(len(received))
    torch.testing.assert_close(
        attention_by_frame(tokens, q, each_its_own).double(), received, atol=1e-6, rtol=1e-5
    )


def test_attention_of_a_frame_is_that_of_its_tokens() -> None:
    keys, values, masks, q, v = _example()
    _, received = _plain_read(keys, values, masks, q, v)
    shares = torch.zeros(60, 3)
    shares[torch.arange(60), torch.arange(60) // 20] = 1
    shares[7] = torch.tensor([0.5, 0.25, 0.25])  # as the background's token has
    torch.testing.assert_close(
        attention_by_frame(dense_tokens(keys, values, masks), q, shares).double(),
        received @ shares.double(), atol=1e-6, rtol=1e-5,
    )  # fmt: skip


def test_batched_read_equals_reads_alone() -> None:
    one, two = _example(1), _example(2)
    both = [torch.cat(pair) for pair in zip(one, two, strict=True)]
    joined = read_memory(dense_tokens(*both[:3]), *both[3:])
    alone = [read_memory(dense_tokens(*x[:3]), *x[3:]) for x in (one, two)]
    torch.testing.assert_close(joined, torch.cat(alone))


def test_read_of_no_token_raises() -> None:
    *_, q, v = _example()
    empty = MemoryTokens(q.new_zeros(1, 0, 9), q.new_zeros(1, 0, 16))
    with pytest.raises(EmptyMemoryError, match="first frame must read itself"):
        read_memory(empty, q, v)


def test_keys_of_another_size_raise() -> None:
    keys, values, masks, q, v = _example()
    with pytest.raises(ShapeError, match="8 channels, the query 4"):
        read_memory(dense_tokens(keys, values, masks), q[:, :4], v)


@pytest.mark.parametrize("tau", [0.02, 0.1, 0.3])
def test_collapsing_soft_background_stays_within_the_stated_bound(tau: float) -> None:
    for seed in range(10):
        g = torch.Generator().manual_seed(seed)
        keys = torch.randn(1, 3, 8, 6, 6, generator=g, dtype=torch.float64)
        values = torch.randn(1, 3, 16, 6, 6, generator=g, dtype=torch.float64)
        masks = torch.rand(1, 3, 1, 6, 6, generator=g, dtype=torch.float64) ** 3
        q = torch.randn(1, 8, 6, 6, generator=g, dtype=torch.float64)
        v = torch.randn(1, 16, 6, 6, generator=g, dtype=torch.float64)
        exact = read_memory(dense_tokens(keys, values, masks), q, v)[0, :16]
        # Collapsed: every cell at or below tau has the key 0, as one token for all of them has.
        collapsed_masks = masks * (masks > tau)
        collapsed = read_memory(dense_tokens(keys, values, collapsed_masks), q, v)[0, :16]
        among = (masks <= tau).squeeze(2)
        longest_key = float(keys.norm(dim=2)[among].max())
        longest_query = float(q.norm(dim=1).max())
        share = collapse_bound(tau, longest_key, longest_query, 8)
        spread = values.amax((0, 1, 3, 4)) - values.amin((0, 1, 3, 4))
        error = (collapsed - exact).abs().amax((1, 2))
        assert (error <= share * spread).all()
        assert error.max() > 0


def test_the_collapse_bound_vanishes_with_its_threshold_and_never_passes_one() -> None:
    assert collapse_bound(0.0, 5.0, 5.0, 8) == 0.0
    assert collapse_bound(1e-6, 5.0, 5.0, 8) < 1e-5
    assert collapse_bound(0.9, 1e3, 1e3, 8) <= 1.0


def test_a_read_of_the_best_tokens_leaves_the_others_out() -> None:
    keys, values, _, q, v = _example()
    tokens = dense_tokens(keys, values, None)
    flat_keys = keys.movedim(2, -1).reshape(-1, 8)
    flat_values = values.movedim(2, -1).reshape(-1, 16)
    read = read_memory(tokens, q, v, top_tokens=5)[0, :16]
    received = torch.zeros(len(flat_keys), dtype=torch.float64)
    for row in range(4):
        for col in range(5):
            cell = q[0, :, row, col]
            best = (-(flat_keys - cell).square().sum(1) / 8**0.5).topk(5)
            weights = torch.softmax(best.values, 0)
            torch.testing.assert_close(read[:, row, col], weights @ flat_values[best.indices])
            received[best.indices] += weights / 20
    torch.testing.assert_close(
        attention_received(tokens, q, top_tokens=5)[0].double(), received, atol=1e-6, rtol=1e-5
    )


def test_more_best_tokens_than_there_are_read_all() -> None:
    keys, values, masks, q, v = _example()
    tokens = dense_tokens(keys, values, masks)
    torch.testing.assert_close(
        read_memory(tokens, q, v, top_tokens=1000), read_memory(tokens, q, v), atol=1e-9, rtol=1e-9
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_read_in_half_precision_stays_close(dtype: torch.dtype) -> None:
    keys, values, masks, q, v = _example()
    exact = read_memory(dense_tokens(keys, values, masks), q, v)
    half = [x.to(dtype) for x in (keys, values, masks, q, v)]
    rough = read_memory(dense_tokens(*half[:3]), *half[3:])
    assert rough.dtype == dtype
    tolerance = 0.02 if dtype == torch.float16 else 0.15
    assert float((rough.double() - exact).abs().max()) < tolerance
