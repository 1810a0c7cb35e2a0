from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sali_core.memory import token_store
from sali_core.memory.token_store import TokenStore


def _frame(seed: int, count: int) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(count, 5, generator=g), torch.randn(count, 16, generator=g)


def _store(capacity: int = 100, key_width: int = 5) -> TokenStore:
    return TokenStore(*_frame(0, 1), capacity=capacity, key_width=key_width)


@pytest.mark.parametrize("rows_moved", [1, 3, 4096])
def test_a_store_holds_what_joining_its_frames_would(
    rows_moved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_store, "_ROWS_MOVED", rows_moved)
    store, frames = _store(), []
    for step, (count, leaves) in enumerate(
        [(7, None), (0, None), (20, None), (3, 0), (9, 0), (5, 1), (11, 2), (4, 0)]
    ):
        if leaves is not None:
            store.drop(leaves)
            del frames[leaves]
        frames.append(_frame(step, count))
        store.append(*frames[-1])
        assert store.counts == tuple(len(keys) for keys, _ in frames)
        assert torch.equal(store.tokens.keys[0], torch.cat([keys for keys, _ in frames]))
        assert torch.equal(store.tokens.values[0], torch.cat([values for _, values in frames]))


def test_tokens_stay_where_they_were_allocated() -> None:
    store = _store()
    store.append(*_frame(1, 40))
    places = [x.untyped_storage().data_ptr() for x in store.tokens[:2]]
    store.append(*_frame(2, 60))
    store.drop(0)
    store.append(*_frame(3, 40))
    assert [x.untyped_storage().data_ptr() for x in store.tokens[:2]] == places


def test_wider_keys_end_in_zeros() -> None:
    store = _store(key_width=16)
    keys, values = _frame(1, 4)
    store.append(keys, values)
    store.set_background(12, torch.full((16,), 6.0))
    held = store.tokens.keys[0]
    assert held.shape == (5, 16)
    assert torch.equal(held[1:, :5], keys)
    assert (held[:, 5:] == 0).all()


def test_the_background_is_one_token_in_front() -> None:
    store = _store()
    keys, values = _frame(1, 4)
    store.append(keys, values)
    assert len(store.tokens.keys[0]) == 4
    store.set_background(12, torch.full((16,), 6.0))
    assert torch.equal(store.tokens.values[0, 0], torch.full((16,), 0.5))
    torch.testing.assert_close(
        store.tokens.keys[0, 0], torch.tensor([0.0, 0, 0, 0, 12]).log().nan_to_num(neginf=0.0)
    )
    assert torch.equal(store.tokens.keys[0, 1:], keys)
    store.set_background(0, torch.zeros(16))
    assert len(store.tokens.keys[0]) == 4


def test_the_index_follows_every_write() -> None:
    store = TokenStore(*_frame(0, 1), capacity=100, key_width=5, indexed=True)
    for step, (count, leaves) in enumerate([(30, None), (20, None), (10, 0)]):
        if leaves is not None:
            store.drop(leaves)
        store.append(*_frame(step, count))
        tokens = store.tokens
        assert tokens.nearest is not None
        assert tokens.nearest is store.tokens.nearest
        keys = tokens.keys[0, :, :4]
        assert torch.equal(tokens.nearest.find(keys, 1)[:, 0], torch.arange(len(keys)))
