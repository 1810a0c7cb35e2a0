from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest

from sali_core.errors import ConfigError
from sali_core.training.run_log import RunLog, TrainEvent

HEADER = "step,loss,validation_dice\n"


def test_steps_to_be_done_again_are_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"{HEADER}1,2.0,\n2,1.5,0.25\n3,1.0,\n4,0.")  # killed while it wrote
    with RunLog(tmp_path, done=2, tensorboard=False) as log:
        log.write(TrainEvent(3, 0.9))
        log.write(TrainEvent(4, 0.8, 0.0))
    assert path.read_text() == (f"{HEADER}1,2.0,\n2,1.5,0.25\n3,0.90000,\n4,0.80000,0.000000\n")


def test_a_line_is_there_as_soon_as_it_is_written(tmp_path: Path) -> None:
    with RunLog(tmp_path, done=0, tensorboard=False) as log:
        log.write(TrainEvent(1, 2.0))
        assert (tmp_path / "log.csv").read_text().splitlines()[1] == "1,2.00000,"


def test_tensorboard_gets_the_figures_too(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own dependencies' affairs
        pytest.importorskip("tensorboard")
        with RunLog(tmp_path, done=0, tensorboard=True) as log:
            log.write(TrainEvent(1, 2.0, 0.5, 0.001))
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        board = EventAccumulator(str(tmp_path / "tensorboard"))
        board.Reload()
    tags = board.Tags()["scalars"]
    assert sorted(tags) == ["learning rate", "loss", "validation Dice"]
    assert board.Scalars("loss")[0].value == 2.0


def test_without_tensorboard_the_cure_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match="pip install 'sali-live\\[train\\]'"):
        RunLog(tmp_path, done=0, tensorboard=True)
    assert not (tmp_path / "log.csv").exists()
