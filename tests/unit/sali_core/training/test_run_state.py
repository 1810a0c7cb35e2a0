from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sali_core.config import ModelConfig
from sali_core.errors import CheckpointError
from sali_core.training.failures import TrainingError
from sali_core.training.run_state import RunState, read_state, write_state


def _state(config: ModelConfig, step: int = 7) -> RunState:
    weights = {"a": torch.arange(300_000.0)}
    return RunState(
        weights, weights, {"state": {}, "param_groups": []}, step, 0.5, config.to_dict()
    )


def test_a_state_comes_back_whole(tiny_config: ModelConfig, tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    write_state(path, _state(tiny_config))
    back = read_state(path, tiny_config)
    assert (back.step, back.best_dice) == (7, 0.5)
    assert torch.equal(back.averaged["a"], torch.arange(300_000.0))
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]


def test_a_full_disk_leaves_the_state_before(tiny_config: ModelConfig, tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    write_state(path, _state(tiny_config))
    (tmp_path / "last.pt.partial").symlink_to("/dev/full")
    with pytest.raises(TrainingError, match=f"{tmp_path}: the disk is full; nothing .* is lost"):
        write_state(path, _state(tiny_config, step=8))
    assert read_state(path, tiny_config).step == 7
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]


def test_another_network_is_refused_with_the_difference(
    tiny_config: ModelConfig, tmp_path: Path
) -> None:
    write_state(tmp_path / "last.pt", _state(tiny_config))
    other = replace(tiny_config, ablation="without_sam")
    with pytest.raises(CheckpointError, match="ablation 'full', not 'without_sam'"):
        read_state(tmp_path / "last.pt", other)


def test_files_of_before_there_was_a_model_in_them_are_read(
    tiny_config: ModelConfig, tmp_path: Path
) -> None:
    saved = {"network": {"a": torch.ones(1)}, "optimizer": {}, "step": 3, "best_dice": 0.1}
    torch.save(saved, tmp_path / "last.pt")
    back = read_state(tmp_path / "last.pt", tiny_config)
    assert torch.equal(back.averaged["a"], torch.ones(1))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 damaged", b"\x80\x02}q\x00."])
def test_a_damaged_file_is_refused(
    tiny_config: ModelConfig, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "last.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"last\.pt: cannot go on from it: \S"):
        read_state(tmp_path / "last.pt", tiny_config)
