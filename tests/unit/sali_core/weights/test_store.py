from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from sali_core.config import ModelConfig, get_profile
from sali_core.errors import CheckpointError
from sali_core.model.network import SaliNetwork
from sali_core.weights.importing import import_checkpoint
from sali_core.weights.store import (
    WeightsHeader,
    load_backbone,
    load_network,
    read_header,
    save_weights,
)


def _header(config: ModelConfig) -> WeightsHeader:
    return WeightsHeader("tiny", "small", 0.45, config)


def test_what_is_saved_is_loaded(network: SaliNetwork, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, network, _header(network.config))
    loaded, header = load_network(path)
    assert header == _header(network.config)
    assert not loaded.training
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, atol=2e-3, rtol=2e-3)


def test_a_broken_file_gives_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"not weights at all")
    with pytest.raises(CheckpointError, match="not a readable safetensors file") as caught:
        read_header(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.safetensors: no such file"):
        read_header(tmp_path / "none.safetensors")


def test_a_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="not a SALI Live file"):
        read_header(path)


def test_weights_of_another_network_name_the_difference(
    network: SaliNetwork, tmp_path: Path
) -> None:
    path = tmp_path / "w.safetensors"
    other = ModelConfig.from_dict(network.config.to_dict() | {"key_channels": 4})
    save_weights(path, network, _header(other))
    with pytest.raises(CheckpointError, match=r"6 misshapen \(first: relation\.key\.0\.bias"):
        load_network(path)


def test_weights_that_overflow_half_precision_are_refused(
    small_config: ModelConfig, tmp_path: Path
) -> None:
    network = SaliNetwork(small_config)
    with torch.no_grad():
        network.decoder.partial.conv5.bias.fill_(1e6)
    path = tmp_path / "w.safetensors"
    with pytest.raises(CheckpointError, match=r"conv5\.bias is not finite"):
        save_weights(path, network, _header(small_config))
    assert not path.exists()


def test_full_precision_is_kept_when_wanted(network: SaliNetwork, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, network, _header(network.config), half=False)
    loaded = load_network(path)[0].state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in network.state_dict().items())


def test_a_file_that_cannot_be_written_leaves_nothing(network: SaliNetwork, tmp_path: Path) -> None:
    path = tmp_path / "taken.safetensors"
    path.mkdir()
    with pytest.raises(OSError, match="taken"):
        save_weights(path, network, _header(network.config))
    assert [p.name for p in tmp_path.iterdir()] == ["taken.safetensors"]


def test_backbone_weights_are_taken_from_a_classifier(
    small_config: ModelConfig, tmp_path: Path
) -> None:
    source = SaliNetwork(small_config).encoder.backbone.net.state_dict()
    path = tmp_path / "backbone.pth"
    torch.save(source | {"classifier.weight": torch.zeros(10, 1280)}, path)
    network = SaliNetwork(small_config)
    load_backbone(network, path)
    loaded = network.encoder.backbone.net.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in source.items())


@pytest.mark.parametrize("form", ["timm", "original", "wrapped", "safetensors", "imported"])
def test_every_form_of_a_pvtv2_gives_timms_features(
    classifier: torch.nn.Module, original_state: dict[str, Tensor], tmp_path: Path, form: str
) -> None:
    path = tmp_path / ("b0.safetensors" if form in ("safetensors", "imported") else "b0.pth")
    if form == "safetensors":
        save_file(classifier.state_dict(), path)
    elif form == "imported":
        torch.save(original_state, tmp_path / "original.pth")
        import_checkpoint(tmp_path / "original.pth", path)
    else:
        state = original_state if form == "original" else classifier.state_dict()
        module = {f"module.{name}": value for name, value in original_state.items()}
        torch.save({"state_dict": module} if form == "wrapped" else state, path)
    network = SaliNetwork(get_profile("paper-b0")).eval()
    load_backbone(network, path)
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    features = []
    with torch.inference_mode():
        x = classifier.patch_embed(image)
        for stage in classifier.stages:
            x = stage(x)
            features.append(x)
        for ours, theirs in zip(network.encoder.backbone(image), features[1:], strict=True):
            torch.testing.assert_close(ours, theirs, atol=0, rtol=0)


def test_backbone_weights_of_another_model_are_refused(
    original_state: dict[str, Tensor], small_config: ModelConfig, tmp_path: Path
) -> None:
    torch.save(original_state, tmp_path / "original.pth")
    imported = tmp_path / "b0.safetensors"
    import_checkpoint(tmp_path / "original.pth", imported)
    network = SaliNetwork(small_config)
    with pytest.raises(CheckpointError, match="are of pvt_v2_b0, not of mobilenetv2_100"):
        load_backbone(network, imported)
    with pytest.raises(CheckpointError, match=r"do not fit mobilenetv2_100: \d+ missing"):
        load_backbone(network, tmp_path / "original.pth")


def test_a_backbone_file_is_no_network(original_state: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(original_state, tmp_path / "original.pth")
    import_checkpoint(tmp_path / "original.pth", tmp_path / "b0.safetensors")
    with pytest.raises(CheckpointError, match="holds a backbone alone"):
        load_network(tmp_path / "b0.safetensors")


def test_backbone_weights_that_lack_a_layer_are_refused(
    small_config: ModelConfig, tmp_path: Path
) -> None:
    source = dict(SaliNetwork(small_config).encoder.backbone.net.state_dict())
    source.pop("conv_stem.weight")
    path = tmp_path / "backbone.pth"
    torch.save(source, path)
    with pytest.raises(CheckpointError, match=r"1 missing \(first: conv_stem\.weight\)"):
        load_backbone(SaliNetwork(small_config), path)


def test_a_file_that_is_no_checkpoint_is_refused(small_config: ModelConfig, tmp_path: Path) -> None:
    path = tmp_path / "backbone.pth"
    path.write_text("hello")
    with pytest.raises(CheckpointError, match=r"backbone\.pth: cannot be read"):
        load_backbone(SaliNetwork(small_config), path)


def test_weights_of_another_configuration_are_refused_with_the_difference(
    network: SaliNetwork, tmp_path: Path
) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, network, _header(network.config))
    unmasked = ModelConfig.from_dict(network.config.to_dict() | {"ablation": "without_ma"})
    with pytest.raises(CheckpointError, match="ablation 'full', not 'without_ma'"):
        load_network(path, unmasked)
    assert load_network(path, network.config)[1].config == network.config
