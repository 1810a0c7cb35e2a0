from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sali_core.config import ModelConfig
from sali_core.errors import CheckpointError
from sali_core.model.build import create_network
from sali_core.training.recipe import Recipe, read_recipe
from sali_core.training.run import create_training_network, prepare_run, with_steps
from sali_core.weights.store import WeightsHeader, save_weights
from tests.fakes.blobs import write_blobs

TINY = {
    "model.backbone": "mobilenetv2_035", "model.input_size": 64, "train.size": 64,
    "train.batch": 2, "train.workers": 0, "train.steps": 2, "train.validate_pictures": 1,
    "data.phantoms": 0, "data.clip_frames": 2,
}  # fmt: skip


def _recipe(tmp_path: Path, **more: Any) -> Recipe:
    root = tmp_path / "data"
    if not root.exists():
        write_blobs(root)
    settings = {name.replace("__", "."): value for name, value in more.items()}
    return read_recipe(
        None, TINY | {"data.root": str(root), "run.out": str(tmp_path / "out")} | settings
    )


def test_a_run_saves_its_whole_recipe_and_says_what_changed(tmp_path: Path) -> None:
    first = prepare_run(_recipe(tmp_path))
    first.trainer.run(first.data.clips, first.data.validation)
    written = json.loads((tmp_path / "out" / "config.json").read_text())
    assert written["data"]["clip_frames"] == 2
    assert ModelConfig.from_dict(written["model"]) == first.recipe.model
    again = prepare_run(_recipe(tmp_path, train__steps=3, train__memory__wrong=0.0))
    assert again.is_resumed
    assert again.trainer.step == 2
    assert again.changed == ("train.steps: 2, now 3", "train.memory.wrong: 0.1, now 0.0")


def test_epochs_are_turned_into_steps(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path, train__epochs=3, train__steps=None)
    assert with_steps(recipe, 7).train.steps == 11
    prepared = prepare_run(recipe)
    assert (prepared.data.pictures, prepared.recipe.train.steps) == (7, 11)


def test_a_run_begins_with_the_weights_given(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path)
    torch.manual_seed(5)
    network = create_network(recipe.model)
    path = tmp_path / "start.safetensors"
    save_weights(path, network, WeightsHeader("s", "small", 0.5, recipe.model), half=False)
    run = prepare_run(_recipe(tmp_path, run__start=str(path), train__lr=1e-12, train__steps=1,
        train__backbone_lr=1e-12, train__average=0.0))  # fmt: skip
    run.trainer.run(run.data.clips, None)
    saved = torch.load(tmp_path / "out" / "last.pt", weights_only=True)["network"]
    name = "relation.key.0.weight"
    torch.testing.assert_close(saved[name], network.state_dict()[name])


def test_weights_of_another_ablation_are_refused(tmp_path: Path) -> None:
    model = replace(_recipe(tmp_path).model, ablation="without_sam")
    path = tmp_path / "start.safetensors"
    save_weights(path, create_network(model), WeightsHeader("s", "small", 0.5, model))
    with pytest.raises(CheckpointError, match="ablation 'without_sam', not 'full'"):
        prepare_run(_recipe(tmp_path, run__start=str(path)))


def test_stochastic_depth_is_no_part_of_the_network_kept(tiny_config: ModelConfig) -> None:
    config = replace(tiny_config, backbone="pvt_v2_b0", backbone_options=())
    network = create_training_network(config, 0.5)
    assert network.config == config
    rates = [m.drop_prob for m in network.modules() if hasattr(m, "drop_prob")]
    assert max(rates) == 0.5
    plain = create_network(config)
    assert network.state_dict().keys() == plain.state_dict().keys()
