from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.optim.swa_utils import AveragedModel

from sali_core.errors import CheckpointError
from sali_core.weights.checkpoint_file import first_names, read_checkpoint

STATE = {"a.weight": torch.arange(6.0).view(2, 3), "a.num": torch.tensor(3)}
PREFIXED = {f"module.{name}": value for name, value in STATE.items()}


def _saved(tmp_path: Path, held: Any) -> Path:
    path = tmp_path / "checkpoint.pth"
    torch.save(held, path)
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    "held",
    [
        STATE,
        OrderedDict(PREFIXED),
        {"state_dict": STATE, "epoch": 3},
        {"model": PREFIXED, "args": {"lr": 0.1}},
        {"network": STATE, "optimizer": {"state": {}, "param_groups": []}, "step": 7},
        {"state_dict": {"model": STATE}},
    ],
    ids=["bare", "module", "state_dict", "model", "network", "twice"],
)
def test_bare_and_wrapped_state_dicts_are_the_same(tmp_path: Path, held: Any) -> None:
    checkpoint = read_checkpoint(_saved(tmp_path, held))
    assert checkpoint.tensors.keys() == STATE.keys()
    assert all(torch.equal(checkpoint.tensors[name], STATE[name]) for name in STATE)
    assert not checkpoint.is_averaged


def test_safetensors_are_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(STATE, path)
    assert torch.equal(read_checkpoint(path).tensors["a.weight"], STATE["a.weight"])


def test_half_precision_becomes_float32_and_counters_stay_whole(tmp_path: Path) -> None:
    held = {"w": torch.ones(2, dtype=torch.float16), "n": torch.tensor(5)}
    tensors = read_checkpoint(_saved(tmp_path, held)).tensors
    assert tensors["w"].dtype == torch.float32
    assert tensors["n"].dtype == torch.int64


def test_averaged_weights_are_taken_over_the_plain_ones(tmp_path: Path) -> None:
    layer = torch.nn.Linear(2, 2)
    averaged = AveragedModel(layer)
    plain = {"weight": torch.zeros(2, 2), "bias": torch.zeros(2), "counter": torch.tensor(4)}
    held = {"network": plain, "averaged": averaged.state_dict()}
    checkpoint = read_checkpoint(_saved(tmp_path, held))
    assert checkpoint.is_averaged
    assert torch.equal(checkpoint.tensors["weight"], layer.weight)
    assert checkpoint.tensors["counter"] == 4
    assert checkpoint.tensors.keys() == plain.keys()


def test_an_absent_average_is_no_average(tmp_path: Path) -> None:
    checkpoint = read_checkpoint(_saved(tmp_path, {"network": STATE, "averaged": None}))
    assert not checkpoint.is_averaged


def test_names_with_and_without_module_are_left_as_they_are(tmp_path: Path) -> None:
    path = _saved(tmp_path, {"a": torch.zeros(1), "module.a": torch.ones(1)})
    assert read_checkpoint(path).tensors.keys() == {"a", "module.a"}


@pytest.mark.parametrize(
    ("held", "named"),
    [
        (torch.nn.Linear(2, 2), r"\(torch\.nn\.modules\.linear\.Linear\)"),
        ({"state_dict": STATE, "best": np.float64(0.9)}, "multiarray.scalar"),
    ],
    ids=["model", "numpy"],
)
def test_objects_are_not_loaded_and_the_cure_is_told(tmp_path: Path, held: Any, named: str) -> None:
    with pytest.raises(CheckpointError, match=named) as caught:
        read_checkpoint(_saved(tmp_path, held))
    assert "not loaded for safety" in str(caught.value)
    assert "torch.save(model.state_dict(), FILE)" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Touch:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (marker,)

    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps(Touch()))
    assert "holds code or objects" in _refusal(path)
    assert not marker.exists()


def test_entries_that_are_no_plain_tensors_are_named(tmp_path: Path) -> None:
    held = STATE | {"epoch": 3, "names": ["x"], "sparse": torch.eye(2).to_sparse()}
    assert "3 entries are not plain tensors: epoch (int), names (list), sparse (Tensor)" in (
        _refusal(_saved(tmp_path, held))
    )


def test_values_that_are_not_finite_are_named(tmp_path: Path) -> None:
    held = STATE | {"b": torch.tensor([1.0, float("nan")]), "c": torch.tensor(float("inf"))}
    assert "2 tensors hold values that are not finite: b, c" in _refusal(_saved(tmp_path, held))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_truncated_file_gives_one_line(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "cut.pth"
    torch.save(STATE, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "truncated, or not a checkpoint" in _refusal(path)


@pytest.mark.parametrize("content", [b"", b"hello world", b"\x00" * 64])
def test_a_file_that_is_no_checkpoint_gives_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.pth"
    path.write_bytes(content)
    assert "truncated, or not a checkpoint" in _refusal(path)


def test_damaged_safetensors_give_one_line(tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    save_file(STATE, path)
    path.write_bytes(path.read_bytes()[:40])
    assert "not a readable safetensors file" in _refusal(path)


def test_other_contents_are_named(tmp_path: Path) -> None:
    assert "holds a list, not names" in _refusal(_saved(tmp_path, [1, 2]))
    assert "holds no tensors" in _refusal(_saved(tmp_path, {}))
    assert "no such file" in _refusal(tmp_path / "none.pth")
    folder = tmp_path / "folder.pth"
    folder.mkdir()
    assert "a folder" in _refusal(folder)


def test_five_names_are_shown() -> None:
    assert first_names("edcba") == "a, b, c, d, e"
    assert first_names("fedcba") == "a, b, c, d, e, ..."
