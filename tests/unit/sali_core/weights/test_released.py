from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sali_core.config import get_profile
from sali_core.errors import CheckpointError
from sali_core.model.build import create_network
from sali_core.model.released.network import ReleasedNetwork
from sali_core.weights.released import from_released, is_released, released_backbone, to_released

SHAPES = Path(__file__).parents[5] / "shared/data/parity/released_state_shapes.json"


def test_names_map_there_and_back(
    tiny_released: ReleasedNetwork, authors_state: dict[str, Tensor]
) -> None:
    assert is_released(authors_state)
    assert from_released(authors_state).keys() == tiny_released.state_dict().keys()


def test_the_authors_checkpoint_has_exactly_our_parameters() -> None:
    if not SHAPES.exists():
        pytest.skip("no list of the authors' parameters here (../shared/data/parity)")
    with torch.device("meta"):
        network = create_network(get_profile("released"))
    ours = {to_released(name): list(value.shape) for name, value in network.state_dict().items()}
    assert ours == json.loads(SHAPES.read_text())


def test_the_backbone_part_is_named_as_the_original_pvtv2(
    authors_state: dict[str, Tensor], original_state: dict[str, Tensor]
) -> None:
    backbone = {name for name in original_state if not name.startswith("head.")}
    assert released_backbone(authors_state).keys() == backbone


@pytest.mark.parametrize("name", ["head.weight", "backbone.feat_net.pvtv2_en.head.weight"])
def test_a_foreign_name_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match=r"head\.weight' is not one of"):
        from_released({name: torch.zeros(1)})


def test_a_data_parallel_checkpoint_is_the_same(authors_state: dict[str, Tensor]) -> None:
    prefixed = {f"module.{name}": value for name, value in authors_state.items()}
    assert is_released(prefixed)
    assert from_released(prefixed).keys() == from_released(authors_state).keys()
