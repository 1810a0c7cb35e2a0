from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sali_core.engine.image_model import ImageModel, load_image_model
from sali_core.errors import CheckpointError, ShapeError
from sali_core.stream.model import ModelInfo

CARD = {"name": "red", "input_size": [32, 48], "threshold": 0.6, "output": "logits"}


class Redness(nn.Module):
    """Logits: how much redder than green a pixel is, times ten."""

    def forward(self, x: Tensor) -> Tensor:
        return 10 * (x[:, :1] - x[:, 1:2])


def _frame(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (32, 48, 3), dtype=np.uint8)


def _save(folder: Path, suffix: str, card: dict[str, Any] | None = None) -> Path:
    path = folder / f"net{suffix}"
    example = torch.zeros(1, 3, 32, 48)
    if suffix == ".pt2":
        torch.export.save(torch.export.export(Redness(), (example,)), path)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch calls its own format old
            torch.jit.trace(Redness(), example).save(path)  # type: ignore[no-untyped-call]
    path.with_suffix(".json").write_text(json.dumps(CARD if card is None else card))
    return path


@pytest.mark.parametrize("suffix", [".pt", ".pt2"])
def test_a_saved_network_runs_with_its_card(tmp_path: Path, suffix: str) -> None:
    model = load_image_model(_save(tmp_path, suffix), "cpu")
    assert (model.info.name, model.info.threshold) == ("red", 0.6)
    frame = _frame()
    result = model.step(model.initial_state(), frame)
    mean, std = np.array([0.485, 0.456]), np.array([0.229, 0.224])
    x = (frame[..., :2] / 255 - mean) / std
    expected = 10 * (x[..., 0] - x[..., 1])
    np.testing.assert_allclose(result.logits, expected, atol=1e-3)
    np.testing.assert_allclose(result.probability, 1 / (1 + np.exp(-expected)), atol=1e-4)
    np.testing.assert_array_equal(result.mask, result.probability >= np.float32(0.6))


def test_a_batch_equals_each_frame_alone() -> None:
    model = ImageModel(Redness(), ModelInfo("red", 0.5, (32, 48)))
    frames = [_frame(k) for k in range(3)]
    together = model.step_many([None] * 3, frames)
    for frame, result in zip(frames, together, strict=True):
        np.testing.assert_array_equal(model.step(None, frame).logits, result.logits)


def test_probabilities_are_taken_as_they_are() -> None:
    model = ImageModel(
        lambda x: x[:, :1] * 0 + 0.75, ModelInfo("flat", 0.5, (32, 48)), gives_logits=False
    )
    result = model.step(None, _frame())
    assert float(result.probability.mean()) == pytest.approx(0.75)
    assert float(result.logits.mean()) == pytest.approx(np.log(3), abs=1e-5)


def test_a_frame_that_does_not_fit_is_refused() -> None:
    model = ImageModel(Redness(), ModelInfo("red", 0.5, (32, 48)))
    with pytest.raises(ShapeError, match="the network wants uint8"):
        model.step(None, _frame()[:30])


def test_maps_of_another_shape_are_refused() -> None:
    model = ImageModel(lambda x: x, ModelInfo("three", 0.5, (32, 48)))
    with pytest.raises(ShapeError, match=r"\(1, 3, 32, 48\) instead of \(1, 1, 32, 48\)"):
        model.step(None, _frame())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threshold": 2}, "threshold between 0 and 1"),
        ({"output": "classes"}, "output must be one of logits, probability"),
        ({"input_size": 352}, "cannot unpack"),
    ],
)
def test_a_card_that_cannot_be_is_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = _save(tmp_path, ".pt", CARD | change)
    with pytest.raises(CheckpointError, match=words):
        load_image_model(path, "cpu")


def test_a_missing_card_says_what_it_is_for(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"net\.json: missing; it tells input_size"):
        load_image_model(path, "cpu")


@pytest.mark.parametrize("suffix", [".pt", ".pt2"])
def test_a_file_that_is_no_network_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    path.write_bytes(b"no network")
    path.with_suffix(".json").write_text(json.dumps(CARD))
    with pytest.raises(CheckpointError, match="no TorchScript or exported network"):
        load_image_model(path, "cpu")
