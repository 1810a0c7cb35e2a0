from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sali_core.model import ragged
from sali_core.model.ragged import (
    PADDING_SCORE,
    RaggedPlaces,
    RaggedTokens,
    Select,
    read_all,
    read_best,
    select_best,
    select_best_fused,
)
from sali_core.model.readout import (
    MemoryTokens,
    attention_by_frame,
    attention_received,
    extend_keys,
    read_memory,
)

LENGTHS, WIDTH, FRAMES = (7, 300, 1, 704), 704, 3
KEY, VALUE, SIDE = 4, 16, 6


def _queries() -> Tensor:
    g = torch.Generator().manual_seed(5)
    return torch.randn(len(LENGTHS), KEY, SIDE, SIDE, generator=g, dtype=torch.float64)


def _streams() -> list[MemoryTokens]:
    g = torch.Generator().manual_seed(6)
    return [
        MemoryTokens(
            extend_keys(torch.randn(1, n, KEY, generator=g, dtype=torch.float64)),
            torch.randn(1, n, VALUE, generator=g, dtype=torch.float64),
        )
        for n in LENGTHS
    ]


def _padded(streams: list[MemoryTokens]) -> tuple[Tensor, Tensor]:
    """Keys [B, WIDTH, Ck + 1] and values; padding has values that would show."""
    keys = torch.zeros(len(streams), WIDTH, KEY + 1, dtype=torch.float64)
    keys[..., -1] = PADDING_SCORE
    values = torch.full((len(streams), WIDTH, VALUE), 1e6, dtype=torch.float64)
    for row, tokens in enumerate(streams):
        count = tokens.keys.shape[1]
        keys[row, :count], values[row, :count] = tokens.keys[0], tokens.values[0]
    return keys, values


def _frames() -> Tensor:
    return (torch.arange(WIDTH) % FRAMES).expand(len(LENGTHS), -1).contiguous()


def _shares() -> Tensor:
    return (_frames()[..., None] == torch.arange(FRAMES)).double()


def _places(streams: list[MemoryTokens]) -> RaggedPlaces:
    keys, values = _padded(streams)
    rows = torch.arange(values[..., 0].numel()).view(len(LENGTHS), WIDTH)
    return RaggedPlaces(keys, rows, values.flatten(0, 1), _frames(), FRAMES)


def _check(readout: Tensor, received: Tensor, top_tokens: int | None) -> None:
    """Hold a ragged read to the plain read of every stream alone."""
    for row, tokens in enumerate(_streams()):
        query = _queries()[row : row + 1]
        nothing = torch.zeros(1, VALUE, SIDE, SIDE, dtype=torch.float64)
        plain = read_memory(tokens, query, nothing, top_tokens=top_tokens)[0, :VALUE]
        expected = plain.flatten(1).T
        torch.testing.assert_close(readout[row], expected, atol=1e-12, rtol=1e-12)
        shares = _shares()[row, : tokens.keys.shape[1]].float()
        if top_tokens is None:
            by_frame = attention_by_frame(tokens, query, shares).double()
        else:
            by_frame = (
                attention_received(tokens, query, top_tokens=top_tokens)[0] @ shares
            ).double()
        torch.testing.assert_close(received[row], by_frame, atol=1e-6, rtol=1e-5)


def test_banks_of_any_length_read_together_as_each_alone() -> None:
    keys, values = _padded(_streams())
    _check(*read_all(RaggedTokens(keys, values, _shares()), _queries()), None)


@pytest.mark.parametrize("select", [select_best, select_best_fused])
@pytest.mark.parametrize("at_once", [1, 30000, 2**28])
def test_the_best_tokens_of_banks_of_any_length_read_together_as_each_alone(
    select: Select, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ragged, "_SCORES_AT_ONCE", at_once)
    _check(*read_best(_places(_streams()), _queries(), 20, select), 20)


def test_best_tokens_of_banks_too_short_for_blocks_are_sorted() -> None:
    g = torch.Generator().manual_seed(7)
    queries, keys = torch.randn(2, 9, 5, generator=g), torch.randn(2, 130, 5, generator=g)
    scores, places = select_best_fused(queries, keys, 20)
    expected = torch.topk(queries @ keys.transpose(1, 2), 20)
    torch.testing.assert_close(scores, expected.values)
    assert torch.equal(places, expected.indices)


def test_padding_has_no_weight_in_float32_even_beside_far_tokens() -> None:
    keys = extend_keys(torch.full((1, 1, KEY), 200.0))
    padding = torch.zeros(1, 31, KEY + 1)
    padding[..., -1] = PADDING_SCORE
    values = torch.cat((torch.ones(1, 1, VALUE), torch.full((1, 31, VALUE), 1e6)), 1)
    tokens = RaggedTokens(torch.cat((keys, padding), 1), values, torch.ones(1, 32, 1))
    readout, received = read_all(tokens, torch.zeros(1, KEY, SIDE, SIDE))
    assert torch.equal(readout, torch.ones(1, SIDE * SIDE, VALUE))
    assert torch.equal(received, torch.ones(1, 1))
