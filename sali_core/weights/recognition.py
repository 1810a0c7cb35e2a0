"""Tells by names and shapes which network a state dict is of."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from sali_core.config import PROFILES, ModelConfig, get_profile
from sali_core.errors import CheckpointError, ConfigError
from sali_core.model.build import create_network
from sali_core.weights.backbones import BACKBONES, closest_backbone, fit_backbone
from sali_core.weights.checkpoint_file import first_names
from sali_core.weights.fitting import Fit, fit_state, shapes_of
from sali_core.weights.released import is_released, released_backbone, to_released

_OUR_BACKBONE = "encoder.backbone.net."


@dataclass(frozen=True)
class Recognised:
    """What a state dict turned out to be.

    Attributes:
        what: For people, such as `the authors' released SALI network`.
        backbone: timm's name of the backbone.
        config: The network's configuration; None: the file holds a backbone alone.
        fit: Its tensors under our names, and what does not fit.
        assumed: What the file could not tell and was assumed, for people; empty if nothing.
    """

    what: str
    backbone: str
    config: ModelConfig | None
    fit: Fit
    assumed: str = ""


def recognise(path: Path, state: dict[str, Tensor]) -> Recognised:
    """Tell what a state dict is of.

    Args:
        path: Where it came from; a `config.json` of `sali train` beside it is used for our own.
        state: As `read_checkpoint` gives it.

    Raises:
        CheckpointError: It is of nothing known here.
    """
    if is_released(state):
        return _recognise_released(path, state)
    if any(name.startswith(_OUR_BACKBONE) for name in state):
        return _recognise_own(path, state)
    backbone = closest_backbone(state)
    if backbone is None:
        raise CheckpointError(
            f"{path}: of no network known here (names: {first_names(state)}); known are SALI as "
            f"released by its authors or trained here, and the backbones {', '.join(BACKBONES)}"
        )
    return Recognised("a plain backbone", backbone, None, fit_backbone(backbone, state))


def _recognise_released(path: Path, state: dict[str, Tensor]) -> Recognised:
    backbone = _backbone_of(path, released_backbone(state))
    config = replace(get_profile("released"), backbone=backbone)
    fit = _fit_network(config, state, to_released)
    return Recognised("the authors' released SALI network", backbone, config, fit)


def _recognise_own(path: Path, state: dict[str, Tensor]) -> Recognised:
    config, assumed = _config_beside(path), ""
    if config is None:
        config = _config_from_shapes(path, state)
        assumed = (
            "no config.json beside the file: input size, normalisation and masked keys are those "
            f"of profile {profile_of(config)}"
        )
    fit = _fit_network(config, state, str)
    return Recognised("a SALI network trained here", config.backbone, config, fit, assumed)


def profile_of(config: ModelConfig) -> str:
    """Return the profile a configuration was built from; the nearest where it was changed since."""

    def distance(name: str) -> int:
        mine, theirs = config.to_dict(), PROFILES[name].to_dict()
        # Topology and backbone make a profile; the rest decides among equals.
        weights = {"topology": 1000, "backbone": 100}
        return sum(weights.get(key, 1) for key in mine if mine[key] != theirs[key])

    return min(PROFILES, key=distance)


def _config_beside(path: Path) -> ModelConfig | None:
    """Read the model's part of a training run's `config.json`, where there is one."""
    beside = path.with_name("config.json")
    if not beside.is_file():
        return None
    try:
        settings = json.loads(beside.read_text())
        if not isinstance(settings, dict) or "model" not in settings:
            return None
        return ModelConfig.from_dict(settings["model"])
    except (ValueError, TypeError, AttributeError, ConfigError) as exc:
        raise CheckpointError(f"{beside}: not a training run's configuration: {exc}") from exc


def _config_from_shapes(path: Path, state: dict[str, Tensor]) -> ModelConfig:
    part = {
        name.removeprefix(_OUR_BACKBONE): value
        for name, value in state.items()
        if name.startswith(_OUR_BACKBONE)
    }
    backbone = _backbone_of(path, part)
    topology = "released" if _has(state, "fusion.") else "paper"
    likely = replace(get_profile("paper"), topology=topology, backbone=backbone)
    config = replace(get_profile(profile_of(likely)), backbone=backbone)
    key = state.get("key.0.weight", state.get("relation.key.0.weight"))
    if key is not None and key.dim() == 4:
        config = replace(config, key_channels=key.shape[0])
    return config if topology == "released" else replace(config, ablation=_ablation_of(state))


def _ablation_of(state: dict[str, Tensor]) -> str:
    """`without_ma` has the shapes of `full`, so it is never the answer."""
    has_sam, has_lim = _has(state, "relation.sam."), _has(state, "relation.key.")
    if has_sam and has_lim:
        return "full" if _has(state, "relation.sam.0.offset.") else "without_fa"
    if has_sam:
        return "without_lim"
    return "without_sam" if has_lim else "without_sam_lim"


def _backbone_of(path: Path, part: dict[str, Tensor]) -> str:
    backbone = closest_backbone(part)
    if backbone is None:
        raise CheckpointError(
            f"{path}: its backbone is none known here (names: {first_names(part) or 'none'}); "
            f"known: {', '.join(BACKBONES)}"
        )
    return backbone


def _fit_network(
    config: ModelConfig, state: dict[str, Tensor], to_theirs: Callable[[str], str]
) -> Fit:
    with torch.device("meta"):
        wanted = shapes_of(create_network(config).state_dict())
    return fit_state(wanted, state, to_theirs)


def _has(state: dict[str, Tensor], prefix: str) -> bool:
    return any(name.startswith(prefix) for name in state)
