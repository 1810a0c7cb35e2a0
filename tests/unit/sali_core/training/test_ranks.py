from __future__ import annotations

import pytest
import torch

from sali_core.errors import ConfigError
from sali_core.training.ranks import Ranks, StepSampler, open_ranks


def test_processes_share_each_steps_clips_without_overlap() -> None:
    alone = list(StepSampler(2, 4, 6, Ranks()))
    assert alone == list(range(12, 24))
    shares = [list(StepSampler(2, 4, 6, Ranks(rank, 3))) for rank in range(3)]
    assert shares[1] == [14, 15, 20, 21]
    assert sorted(index for share in shares for index in share) == alone
    assert len(StepSampler(2, 4, 6, Ranks(0, 3))) == 4


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(ConfigError, match="batch 7 cannot be shared evenly by 2"):
        Ranks(0, 2).share(7)


def test_one_process_needs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with open_ranks("cpu") as (ranks, device):
        assert (ranks.rank, ranks.size, ranks.is_first) == (0, 1, True)
        assert device.type == "cpu"
        assert float(ranks.mean(torch.tensor(3.0))) == 3.0


def test_half_of_torchruns_variables_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ConfigError, match="RANK"), open_ranks("cpu"):
        pass
