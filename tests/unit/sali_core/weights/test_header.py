from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sali_core.config import get_profile
from sali_core.errors import CheckpointError
from sali_core.weights.header import (
    BackboneHeader,
    WeightsHeader,
    read_backbone_header,
    read_header,
)

NETWORK = WeightsHeader("net", "small", 0.4, get_profile("small"))
BACKBONE = BackboneHeader("b0", "pvt_v2_b0")


def _file(tmp_path: Path, metadata: dict[str, str]) -> Path:
    path = tmp_path / "w.safetensors"
    save_file({"x": torch.zeros(1)}, path, metadata=metadata)
    return path


def test_headers_are_read_back(tmp_path: Path) -> None:
    assert read_header(_file(tmp_path, NETWORK.to_metadata())) == NETWORK
    assert read_backbone_header(_file(tmp_path, BACKBONE.to_metadata())) == BACKBONE


def test_a_peak_threshold_is_read_back(tmp_path: Path) -> None:
    header = replace(NETWORK, peak_threshold=0.9)
    assert read_header(_file(tmp_path, header.to_metadata())) == header


def test_a_file_without_a_kind_is_a_network(tmp_path: Path) -> None:
    metadata = NETWORK.to_metadata()
    del metadata["kind"]
    assert read_header(_file(tmp_path, metadata)) == NETWORK


def test_a_network_is_no_backbone(tmp_path: Path) -> None:
    assert read_backbone_header(_file(tmp_path, NETWORK.to_metadata())) is None


def test_a_backbone_is_no_network_and_its_use_is_told(tmp_path: Path) -> None:
    path = _file(tmp_path, BACKBONE.to_metadata())
    with pytest.raises(CheckpointError, match=r"backbone alone \(pvt_v2_b0\).*--backbone-weights"):
        read_header(path)


@pytest.mark.parametrize(
    "change", [{"threshold": "much"}, {"config": "{"}, {"config": '{"no": 1}'}, {"config": "[]"}]
)
def test_a_damaged_header_is_named(tmp_path: Path, change: dict[str, str]) -> None:
    with pytest.raises(CheckpointError, match="damaged header"):
        read_header(_file(tmp_path, NETWORK.to_metadata() | change))


def test_a_backbone_header_without_a_model_is_damaged(tmp_path: Path) -> None:
    metadata = BACKBONE.to_metadata()
    del metadata["backbone"]
    with pytest.raises(CheckpointError, match="damaged header"):
        read_backbone_header(_file(tmp_path, metadata))
