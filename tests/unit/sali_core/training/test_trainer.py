from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from sali_core.config import ModelConfig
from sali_core.data.clips import ClipDataset
from sali_core.errors import CheckpointError, ConfigError
from sali_core.model.network import SaliNetwork
from sali_core.training.trainer import TrainConfig, Trainer, TrainEvent
from sali_core.weights.store import load_network


class Blobs:
    """Bright discs on noise: something a network learns in a few steps."""

    def __len__(self) -> int:
        return 8

    def load(self, index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
        rng = np.random.default_rng(index)
        y, x = np.mgrid[:96, :96]
        cy, cx = rng.uniform(30, 66, 2)
        mask = (y - cy) ** 2 + (x - cx) ** 2 < 300
        image = rng.integers(0, 60, (96, 96, 3)).astype(np.uint8)
        image[mask] += 150
        return image, mask


def _trainer(config: ModelConfig, train: TrainConfig, folder: Path) -> Trainer:
    torch.manual_seed(0)
    return Trainer(SaliNetwork(config), train, folder, name="t", profile="small")


def _clips(seed: int = 0) -> ClipDataset:
    return ClipDataset(Blobs(), [], size=64, seed=seed)


def _train_config(steps: int, validate_every: int = 2) -> TrainConfig:
    return TrainConfig(
        steps=steps, batch=2, size=64, warm_up=1, validate_every=validate_every,
        validate_pictures=2, workers=0,
    )  # fmt: skip


def test_training_lowers_the_loss_and_leaves_weights(
    small_config: ModelConfig, tmp_path: Path
) -> None:
    events: list[TrainEvent] = []
    _trainer(small_config, _train_config(12, 6), tmp_path).run(_clips(), Blobs(), events.append)
    assert np.mean([e.loss for e in events[-3:]]) < np.mean([e.loss for e in events[:3]])
    network, header = load_network(tmp_path / "best.safetensors")
    assert header.name == "t"
    assert not network.training
    assert [e.step for e in events if e.dice is not None] == [6, 12]


def test_a_killed_run_goes_on_to_the_same_weights(
    small_config: ModelConfig, tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    config = _train_config(4)
    _trainer(small_config, config, whole).run(_clips(), Blobs())

    class KilledError(Exception):
        pass

    def kill_at_3(event: TrainEvent) -> None:
        if event.step == 3:
            raise KilledError

    with pytest.raises(KilledError):
        _trainer(small_config, config, broken).run(_clips(), Blobs(), kill_at_3)
    again = _trainer(small_config, config, broken)
    assert again.resume()
    assert again.step == 2
    again.run(_clips(), Blobs())
    one = torch.load(whole / "last.pt", weights_only=True)["network"]
    two = torch.load(broken / "last.pt", weights_only=True)["network"]
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_damaged_state_is_refused(small_config: ModelConfig, tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(CheckpointError, match=r"last\.pt: cannot go on"):
        _trainer(small_config, _train_config(2), tmp_path).resume()


def test_a_fresh_folder_starts_from_nothing(small_config: ModelConfig, tmp_path: Path) -> None:
    assert not _trainer(small_config, _train_config(2), tmp_path).resume()


@pytest.mark.parametrize(("field", "value"), [("size", 100), ("steps", 0), ("batch", 0)])
def test_settings_that_cannot_work_are_refused(field: str, value: int) -> None:
    with pytest.raises(ConfigError, match=field):
        TrainConfig(**{field: value})
