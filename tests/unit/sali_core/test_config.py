from __future__ import annotations

import pytest

from sali_core.config import ABLATIONS, PROFILES, MemoryConfig, ModelConfig, get_profile
from sali_core.errors import ConfigError


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_survives_json(name: str) -> None:
    profile = get_profile(name)
    assert ModelConfig.from_dict(profile.to_dict()) == profile


def test_weights_of_before_topologies_are_the_papers_full_network() -> None:
    old = get_profile("small").to_dict()
    del old["topology"], old["ablation"]
    assert ModelConfig.from_dict(old) == get_profile("small")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"topology": "papers"}, "topology 'papers'; there are: paper, released"),
        ({"ablation": "without_all"}, "ablation 'without_all'; there are: full, without_sam"),
        ({"topology": "released", "ablation": "without_ma"}, "ablations are of the paper's"),
        ({"input_size": 16}, "input_size must be at least 32, got 16"),
        ({"topology": "released", "input_size": 224}, "at least 225, got 224"),
        ({"value_channels": 8}, "value_channels must be half of channels"),
    ],
)
def test_a_network_that_cannot_be_is_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ModelConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_an_ablation_leaves_out_what_its_name_says(ablation: str) -> None:
    config = ModelConfig(ablation=ablation)
    assert config.uses_sam == ("sam" not in ablation)
    assert config.uses_lim == ("lim" not in ablation)
    assert config.masks_keys == (ablation != "without_ma")
    assert config.aligns_features == (ablation != "without_fa")


def test_a_difference_is_named_by_setting_and_both_values() -> None:
    one = ModelConfig(ablation="without_ma", input_size=256)
    assert one.difference(one) == ""
    assert one.difference(ModelConfig()) == (
        "ablation 'without_ma', not 'full'; input_size 256, not 352"
    )


@pytest.mark.parametrize(
    "settings", [{"capacity_frames": 0}, {"write_every_frames": 0}, {"collapse_below": 1.0}]
)
def test_a_memory_that_cannot_be_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        MemoryConfig(**settings)  # type: ignore[arg-type]
