from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sali_core.errors import CheckpointError, ConfigError
from sali_core.model.network import SaliNetwork
from sali_core.model.released.network import ReleasedNetwork
from sali_core.weights.header import WeightsHeader, read_backbone_header
from sali_core.weights.importing import import_checkpoint
from sali_core.weights.store import load_network, save_weights


def _saved(path: Path, held: Any) -> Path:
    torch.save(held, path)
    return path


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_authors_checkpoint_loads_bit_for_bit(
    tiny_released: ReleasedNetwork, authors_state: dict[str, Tensor], tmp_path: Path, prefix: str
) -> None:
    held = {prefix + name: value for name, value in authors_state.items()}
    out = tmp_path / "released.safetensors"
    imported = import_checkpoint(_saved(tmp_path / "theirs.pth", {"state_dict": held}), out)
    assert imported.threshold == 0.5
    network, header = load_network(out)
    assert isinstance(network, ReleasedNetwork)
    assert header == WeightsHeader("released", "released", 0.5, tiny_released.config)
    state = network.state_dict()
    for name, value in tiny_released.state_dict().items():
        assert torch.equal(state[name], value), name
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "released.safetensors",
        "theirs.pth",
    ]


def test_a_training_state_keeps_full_precision(network: SaliNetwork, tmp_path: Path) -> None:
    source = _saved(tmp_path / "last.pt", {"network": network.state_dict(), "step": 3})
    out = tmp_path / "mine.safetensors"
    import_checkpoint(source, out, name="My net", threshold=0.3)
    loaded, header = load_network(out)
    assert (header.name, header.profile, header.threshold) == ("My net", "small", 0.3)
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_a_backbone_gives_a_backbone_file(
    original_state: dict[str, Tensor], tmp_path: Path
) -> None:
    out = tmp_path / "b0.safetensors"
    imported = import_checkpoint(_saved(tmp_path / "pvt_v2_b0.pth", original_state), out)
    assert imported.threshold is None
    header = read_backbone_header(out)
    assert header is not None
    assert (header.name, header.backbone) == ("b0", "pvt_v2_b0")
    assert "stages_1.downsample.proj.weight" in load_file(out)


def test_tensors_that_share_memory_are_taken(network: SaliNetwork, tmp_path: Path) -> None:
    state = dict(network.state_dict())
    key = state["relation.key.0.bias"]
    state["relation.key.1.bias"] = key
    out = tmp_path / "shared.safetensors"
    import_checkpoint(_saved(tmp_path / "last.pt", state), out)
    assert torch.equal(load_file(out)["relation.key.1.bias"], key)


def test_what_does_not_fit_is_named_and_nothing_is_written(
    authors_state: dict[str, Tensor], tmp_path: Path
) -> None:
    state = {n: v for n, v in authors_state.items() if n != "nlnet.conv1.conv.weight"}
    out = tmp_path / "out.safetensors"
    with pytest.raises(CheckpointError, match=r"1 missing \(first: nlnet\.conv1\.conv\.weight\)"):
        import_checkpoint(_saved(tmp_path / "theirs.pth", state), out)
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.pth"]


def test_our_own_format_is_told_to_be_one(network: SaliNetwork, tmp_path: Path) -> None:
    source = tmp_path / "ours.safetensors"
    save_weights(source, network, WeightsHeader("x", "small", 0.5, network.config))
    with pytest.raises(CheckpointError, match="is a SALI Live weights file already"):
        import_checkpoint(source, tmp_path / "out.safetensors")


def test_an_existing_file_is_kept_unless_forced(
    original_state: dict[str, Tensor], tmp_path: Path
) -> None:
    source = _saved(tmp_path / "b0.pth", original_state)
    out = tmp_path / "out.safetensors"
    out.write_text("precious")
    with pytest.raises(CheckpointError, match="exists already; --force writes over it"):
        import_checkpoint(source, out)
    assert out.read_text() == "precious"
    import_checkpoint(source, out, force=True)
    assert read_backbone_header(out) is not None


def test_the_checkpoint_itself_is_never_written_over(tmp_path: Path) -> None:
    source = tmp_path / "model.safetensors"
    source.write_text("theirs")
    with pytest.raises(CheckpointError, match="is the checkpoint itself"):
        import_checkpoint(source, tmp_path / "." / "model.safetensors", force=True)
    assert source.read_text() == "theirs"


@pytest.mark.parametrize(
    ("out", "reason"),
    [
        ("out.pth", "must end in .safetensors"),
        ("none/out.safetensors", "does not exist; make it first"),
        ("folder.safetensors", "is a folder"),
    ],
)
def test_an_unusable_output_is_refused_first(tmp_path: Path, out: str, reason: str) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(CheckpointError, match=reason):
        import_checkpoint(tmp_path / "not-even-there.pth", tmp_path / out)


@pytest.mark.parametrize("threshold", [0.0, 1.0, -2.0, float("nan")])
def test_a_threshold_outside_zero_and_one_is_refused(tmp_path: Path, threshold: float) -> None:
    with pytest.raises(ConfigError, match="threshold must be between 0 and 1"):
        import_checkpoint(tmp_path / "x.pth", tmp_path / "o.safetensors", threshold=threshold)


def test_a_backbone_has_no_threshold(original_state: dict[str, Tensor], tmp_path: Path) -> None:
    source = _saved(tmp_path / "b0.pth", original_state)
    with pytest.raises(ConfigError, match="a backbone alone, which has no threshold"):
        import_checkpoint(source, tmp_path / "o.safetensors", threshold=0.4)
