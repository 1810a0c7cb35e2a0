from __future__ import annotations

import pytest
import torch

from sali_core.errors import ConfigError
from sali_core.training.memory_kinds import MemoryKinds, MemoryMix


def test_kinds_come_in_their_shares() -> None:
    mix = MemoryMix(predicted=0.4, missing=0.3, wrong=0.1)
    kinds = mix.draw(4000, 64, torch.Generator().manual_seed(0)).kinds
    shares = torch.bincount(kinds, minlength=4) / 4000
    torch.testing.assert_close(shares, torch.tensor([0.4, 0.3, 0.1, 0.2]), atol=0.03, rtol=0)


def test_each_kind_keeps_its_mask() -> None:
    true = torch.zeros(4, 1, 8, 8)
    true[:, :, 1, 2] = 1
    predicted = torch.full_like(true, 0.5)
    kept = MemoryKinds(torch.tensor([0, 1, 2, 3]), (3, -1)).masks(true, predicted)
    assert torch.equal(kept[0], predicted[0])
    assert not kept[1].any()
    assert kept[2, 0].nonzero().tolist() == [[4, 1]]
    assert torch.equal(kept[3], true[3])


def test_only_predicted_ones_keep_what_the_network_gave() -> None:
    kinds = MemoryKinds(torch.tensor([3, 0, 1]), (0, 0))
    assert kinds.is_predicted(torch.device("cpu")).flatten().tolist() == [False, True, False]


@pytest.mark.parametrize(
    "shares", [{"predicted": 0.9, "wrong": 0.2}, {"missing": -0.1}, {"empty_bank": 1.5}]
)
def test_shares_that_cannot_be_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="memory: shares"):
        MemoryMix(**shares)
