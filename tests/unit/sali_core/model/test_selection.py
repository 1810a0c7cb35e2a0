from __future__ import annotations

import pytest
import torch

from sali_core.model.selection import BLOCK, largest


@pytest.mark.parametrize("total", [5, 20, 20 * BLOCK, 20 * BLOCK + 31, 21 * BLOCK, 4567, 30_001])
def test_the_largest_are_those_of_a_full_sort(total: int) -> None:
    scores = torch.randn(2, 7, total, generator=torch.Generator().manual_seed(total))
    values, places = largest(scores, 20)
    expected, expected_places = scores.sort(dim=-1, descending=True)
    torch.testing.assert_close(values, expected[..., :20], atol=0, rtol=0)
    assert torch.equal(places, expected_places[..., :20])


def test_the_largest_are_found_all_in_one_block_and_all_in_the_remainder() -> None:
    blocks = 100
    total = blocks * BLOCK + 25
    one_block, remainder = torch.zeros(total), torch.zeros(total)
    one_block[7 : blocks * BLOCK : blocks] = torch.arange(1.0, BLOCK + 1)
    remainder[-25:] = torch.arange(1.0, 26)
    values, places = largest(torch.stack((one_block, remainder)), 20)
    assert values[0].tolist() == list(range(BLOCK, BLOCK - 20, -1))
    assert (places[0] % blocks == 7).all()
    assert values[1].tolist() == list(range(25, 5, -1))
    assert (places[1] >= blocks * BLOCK).all()


def test_of_equal_scores_each_place_is_taken_once() -> None:
    scores = torch.zeros(3, 5000)
    scores[:, ::50] = 1.0  # a hundred equal best
    values, places = largest(scores, 20)
    assert (values == 1).all()
    assert (places % 50 == 0).all()
    assert all(len(set(row.tolist())) == 20 for row in places)


def test_gradients_reach_the_chosen_scores_only() -> None:
    scores = torch.randn(2, 3000, requires_grad=True)
    values, places = largest(scores, 20)
    values.sum().backward()  # type: ignore[no-untyped-call]
    expected = torch.zeros(2, 3000).scatter(1, places, 1.0)
    assert scores.grad is not None
    assert torch.equal(scores.grad, expected)
