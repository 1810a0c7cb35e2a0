from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from sali_core.errors import DatasetError, SaliError
from sali_core.training.failures import TrainingError, name_failures, what_is_kept


def _fail(error: BaseException) -> None:
    with name_failures(Path("runs/x"), lambda: 12, "--batch (now 14)"):
        raise error


def test_memory_that_is_not_there_says_what_to_lower() -> None:
    with pytest.raises(TrainingError, match=r"out of memory: lower one of --batch \(now 14\).*12"):
        _fail(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))


def test_it_says_what_a_stopped_run_has_saved(tmp_path: Path) -> None:
    assert what_is_kept(tmp_path) == "nothing was saved yet"
    (tmp_path / "last.pt").touch()
    assert what_is_kept(tmp_path) == f"the same command goes on from {tmp_path / 'last.pt'}"


def test_torchs_own_allocator_is_understood() -> None:
    with (
        pytest.raises(TrainingError, match="out of memory: lower one of --batch"),
        name_failures(Path("runs/x"), lambda: 0, "--batch"),
    ):
        torch.empty(2**55)


def test_a_full_disk_names_the_folder() -> None:
    with pytest.raises(TrainingError, match="runs/x: the disk is full"):
        _fail(OSError(errno.ENOSPC, "No space left on device"))


def test_a_dead_worker_is_no_riddle() -> None:
    with pytest.raises(TrainingError, match="lower --workers"):
        _fail(RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."))


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), OSError(errno.EIO, "bad disk")])
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error), match=re.escape(str(error))):
        _fail(error)


class _Broken(Dataset[int]):
    def __getitem__(self, index: int) -> int:
        raise DatasetError("masks/a.png: mask is 5x5, its picture 24x16")

    def __len__(self) -> int:
        return 1


def test_an_error_from_another_process_is_one_line_again() -> None:
    with (
        pytest.raises(SaliError) as caught,
        name_failures(Path("runs/x"), lambda: 0, ""),
    ):
        list(DataLoader(_Broken(), num_workers=1))
    assert isinstance(caught.value, DatasetError)
    assert str(caught.value) == "masks/a.png: mask is 5x5, its picture 24x16"
