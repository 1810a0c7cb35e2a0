from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sali_core.config import ABLATIONS, ModelConfig, get_profile
from sali_core.errors import CheckpointError
from sali_core.model.build import create_network
from sali_core.model.network import SaliNetwork
from sali_core.weights.recognition import profile_of, recognise

SOMEWHERE = Path("nowhere/checkpoint.pth")


def _empty(config: ModelConfig) -> dict[str, Tensor]:
    with torch.device("meta"):
        return dict(create_network(config).state_dict())


def test_the_authors_network_is_known_by_its_names(authors_state: dict[str, Tensor]) -> None:
    found = recognise(SOMEWHERE, authors_state)
    assert found.config == replace(get_profile("released"), backbone="pvt_v2_b0")
    assert found.fit.problems == ""
    assert not found.assumed


def test_what_the_authors_network_lacks_is_told_in_their_names(
    authors_state: dict[str, Tensor],
) -> None:
    state = dict(authors_state)
    state["membranch.Key0.weigth"] = state.pop("membranch.Key0.weight")
    state["pcd_align.feat_conv.l1.bias"] = torch.zeros(7)
    problems = recognise(SOMEWHERE, state).fit.problems
    assert "1 missing (first: membranch.Key0.weight)" in problems
    assert "1 unexpected (first: membranch.Key0.weigth)" in problems
    assert "misshapen (first: pcd_align.feat_conv.l1.bias [7] instead of [32])" in problems


@pytest.mark.parametrize("ablation", [name for name in ABLATIONS if name != "without_ma"])
def test_our_own_network_is_known_by_its_shapes(ablation: str) -> None:
    config = replace(get_profile("small"), ablation=ablation)
    found = recognise(SOMEWHERE, _empty(config))
    assert found.config == config
    assert found.fit.problems == ""
    assert "no config.json" in found.assumed
    assert "profile small" in found.assumed


def test_our_own_released_topology_is_known_by_its_shapes() -> None:
    config = replace(get_profile("released"), backbone="pvt_v2_b0")
    assert recognise(SOMEWHERE, _empty(config)).config == config


def test_key_channels_are_taken_from_the_shapes() -> None:
    config = replace(get_profile("small"), key_channels=6)
    assert recognise(SOMEWHERE, _empty(config)).config == config


def test_the_runs_configuration_beside_the_file_is_used(
    network: SaliNetwork, tmp_path: Path
) -> None:
    config = replace(network.config, ablation="without_ma", input_size=160)
    (tmp_path / "config.json").write_text(json.dumps({"train": {}, "model": config.to_dict()}))
    found = recognise(tmp_path / "last.pt", network.state_dict())
    assert found.config == config
    assert found.fit.problems == ""
    assert not found.assumed


def test_another_programs_configuration_is_passed_over(
    network: SaliNetwork, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"lr": 0.1}')
    assert recognise(tmp_path / "last.pt", network.state_dict()).assumed


@pytest.mark.parametrize("text", ['{"model": {"no": 1}}', '{"model": []}', "{", '{"model": null}'])
def test_a_damaged_configuration_is_refused(
    network: SaliNetwork, tmp_path: Path, text: str
) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"config\.json: not a training run's"):
        recognise(tmp_path / "last.pt", network.state_dict())


def test_a_plain_backbone_is_known(original_state: dict[str, Tensor]) -> None:
    found = recognise(SOMEWHERE, original_state)
    assert (found.backbone, found.config) == ("pvt_v2_b0", None)


def test_nothing_known_is_refused_with_names() -> None:
    with pytest.raises(CheckpointError, match=r"no network known here \(names: fc\.weight\)"):
        recognise(SOMEWHERE, {"fc.weight": torch.zeros(1)})


@pytest.mark.parametrize("name", ["membranch.Key0.weight", "encoder.backbone.net.x"])
def test_an_unknown_backbone_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match="its backbone is none known here"):
        recognise(SOMEWHERE, {name: torch.zeros(1)})


def test_changed_settings_keep_their_profile() -> None:
    changed = replace(get_profile("paper-b2"), input_size=256, ablation="without_sam")
    assert profile_of(changed) == "paper-b2"
    assert profile_of(replace(get_profile("released"), backbone="pvt_v2_b2")) == "released"
