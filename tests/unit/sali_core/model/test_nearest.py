from __future__ import annotations

import pytest
import torch

from sali_core.model.nearest import NearestKeys
from sali_core.model.readout import MemoryTokens, attention_received, extend_keys, read_memory


@pytest.mark.parametrize("spread", [1.0, 1e-3])
@pytest.mark.parametrize("count", [1, 20, 5000])
def test_the_nearest_keys_are_those_of_all_distances(count: int, spread: float) -> None:
    g = torch.Generator().manual_seed(0)
    keys = torch.randn(3000, 4, generator=g) * spread + 3
    queries = torch.randn(50, 4, generator=g) * spread + 3
    distances = (queries[:, None].double() - keys.double()).norm(dim=2)
    places = NearestKeys(keys).find(queries, count)
    # Equal distances, of which there are some, may come in any order.
    torch.testing.assert_close(
        distances.gather(1, places), distances.sort(dim=1).values[:, :count], atol=1e-12, rtol=0
    )


def test_of_equal_keys_each_is_found_once() -> None:
    places = NearestKeys(torch.zeros(500, 4)).find(torch.zeros(3, 4), 20)
    assert all(len(set(row.tolist())) == 20 for row in places)


@pytest.mark.parametrize("key_channels", [2, 4, 8])
def test_a_read_by_index_equals_a_read_of_all_scores(key_channels: int) -> None:
    g = torch.Generator().manual_seed(1)
    keys = torch.randn(4000, key_channels, generator=g)
    values = torch.randn(1, 4000, 16, generator=g)
    query_key = torch.randn(1, key_channels, 9, 7, generator=g)
    query_value = torch.randn(1, 16, 9, 7, generator=g)
    plain = MemoryTokens(extend_keys(keys)[None], values)
    indexed = plain._replace(nearest=NearestKeys(keys))
    reads = [read_memory(t, query_key, query_value, top_tokens=20) for t in (plain, indexed)]
    torch.testing.assert_close(*reads, atol=1e-5, rtol=1e-5)
    received = [attention_received(t, query_key, top_tokens=20) for t in (plain, indexed)]
    torch.testing.assert_close(*received, atol=1e-6, rtol=1e-4)
