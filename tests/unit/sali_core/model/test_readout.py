from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sali_core.errors import EmptyMemoryError, ShapeError
from sali_core.model.readout import (
    MemoryTokens,
    attention_received,
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
    torch.testing.assert_close(
        attention_received(tokens, q)[0].double(), received, atol=1e-6, rtol=1e-5
    )


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
