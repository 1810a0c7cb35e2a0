from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from sali_core.errors import CheckpointError
from sali_core.model.network import SaliNetwork
from sali_core.weights.backbones import pyramid_shapes
from sali_core.weights.facts import folder_facts, read_facts
from sali_core.weights.header import BackboneHeader
from sali_core.weights.store import WeightsHeader, save_backbone, save_weights


@pytest.fixture
def file(network: SaliNetwork, tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    save_weights(path, network, WeightsHeader("Net", "small", 0.45, network.config))
    return path


def test_facts_are_those_of_the_network(file: Path, network: SaliNetwork) -> None:
    facts = read_facts(file)
    assert (facts.name, facts.kind, facts.profile) == ("Net", "network", "small")
    assert (facts.threshold, facts.config) == (0.45, network.config)
    assert facts.parameters == sum(p.numel() for p in network.parameters())
    assert facts.parts["encoder.rfb"] == sum(p.numel() for p in network.encoder.rfb.parameters())
    assert facts.parts["decoder"] == sum(p.numel() for p in network.decoder.parameters())
    assert facts.parts.keys() == {
        "encoder.backbone", "encoder.rfb", "relation.sam", "relation.key", "relation.value",
        "decoder",
    }  # fmt: skip
    assert facts.dtypes == ("F16",)
    assert facts.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert facts.size_bytes == file.stat().st_size


def test_the_card_beside_the_file_is_found(file: Path) -> None:
    assert read_facts(file).card is None
    file.with_suffix(".md").write_text("# Net\n")
    assert read_facts(file).card == "# Net\n"


def test_a_backbone_has_no_configuration(tmp_path: Path) -> None:
    path = tmp_path / "b0.safetensors"
    tensors = {name: torch.zeros(shape) for name, shape in pyramid_shapes("pvt_v2_b0").items()}
    save_backbone(path, tensors, BackboneHeader("b0", "pvt_v2_b0"))
    facts = read_facts(path)
    assert (facts.kind, facts.backbone, facts.config) == ("backbone", "pvt_v2_b0", None)
    assert facts.parts == {"backbone": sum(t.numel() for t in tensors.values())}


def test_a_folder_lists_what_it_can_and_says_what_it_leaves_out(file: Path) -> None:
    file.with_name("broken.safetensors").write_text("no")
    file.with_name("notes.txt").write_text("no")
    facts, left_out = folder_facts(file.parent)
    assert [f.path for f in facts] == [file]
    assert len(left_out) == 1
    assert "broken.safetensors: not a readable safetensors file" in left_out[0]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere: no such folder"):
        folder_facts(tmp_path / "nowhere")
