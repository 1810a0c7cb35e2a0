"""A recipe: everything one training run is made of, from a TOML file and single settings over it.

[run]     name, out, start, backbone_weights, device, tensorboard     `RunConfig`
[model]   profile, and any field of `ModelConfig` to change in it
[train]   `TrainConfig`, with [train.memory] `MemoryMix`
[data]    `DataConfig`, with [data.mix] `ClipMix`
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from sali_core.config import ModelConfig, get_profile
from sali_core.errors import ConfigError
from sali_core.training.config import TrainConfig
from sali_core.training.settings_table import check_names, read_table
from sali_core.training.sources import DataConfig

_SECTIONS = ("run", "model", "train", "data")
_DEFAULT_PROFILE = "small"


@dataclass(frozen=True)
class RunConfig:
    """Where a run begins and what it leaves.

    Attributes:
        name: Written into the weights.
        out: Folder of the run; an existing run goes on. By default runs/NAME.
        start: Weights to begin from, a shipped name or a file.
        backbone_weights: Weights of the backbone to begin from, a file.
        device: cpu, cuda, cuda:N or auto.
        tensorboard: Write TensorBoard's files beside log.csv.
    """

    name: str = "untitled"
    out: str = ""
    start: str = ""
    backbone_weights: str = ""
    device: str = "auto"
    tensorboard: bool = False

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return Path(self.out or f"runs/{self.name}")


@dataclass(frozen=True)
class Recipe:
    """One training run, whole."""

    run: RunConfig
    profile: str
    model: ModelConfig
    train: TrainConfig
    data: DataConfig

    def __post_init__(self) -> None:
        if self.run.start and self.run.backbone_weights:
            raise ConfigError(
                "give --start (weights of the whole network) or --backbone-weights, not both"
            )
        try:
            replace(self.model, input_size=self.train.size)
        except ConfigError as exc:
            text = str(exc).replace("input_size", "train.size")
            raise ConfigError(f"{text} for topology {self.model.topology!r}") from None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, as they stand in `config.json` beside the weights."""
        return {
            "run": asdict(self.run),
            "profile": self.profile,
            "model": self.model.to_dict(),
            "train": asdict(self.train),
            "data": asdict(self.data),
        }


def read_recipe(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe.

    Args:
        path: A TOML file; None: the defaults alone.
        overrides: Single settings that win over the file, by dotted name as `train.lr`; a None
            counts as not given.

    Raises:
        ConfigError: The file is missing or no TOML, a name is unknown or a value cannot be used.
    """
    tables = _read_toml(path) if path else {}
    check_names(tables, _SECTIONS, str(path) if path else "recipe")
    for section, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: [{section}] must be a table")
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    tables = _override(tables, given)
    model = tables.get("model", {})
    check_names(model, ("profile", *(field.name for field in fields(ModelConfig))), "model")
    profile = model.pop("profile", _DEFAULT_PROFILE)
    return Recipe(
        run=read_table(RunConfig, tables.get("run", {}), "run"),
        profile=profile,
        model=read_table(ModelConfig, get_profile(profile).to_dict() | model, "model"),
        train=read_table(TrainConfig, tables.get("train", {}), "train"),
        data=read_table(DataConfig, tables.get("data", {}), "data"),
    )


def parse_setting(text: str) -> tuple[str, Any]:
    """Split `train.average=0.99` into its dotted name and its value, as TOML writes values.

    Raises:
        ConfigError: It is not of that form.
    """
    name, equals, value = text.partition("=")
    if not equals or "." not in name:
        raise ConfigError(f"--set {text}: write it as section.name=value, e.g. train.average=0.99")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value.strip()  # a text without quotes


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: not a TOML file: {exc}") from exc


def _override(tables: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Put single settings into a copy of the tables."""
    merged: dict[str, Any] = copy.deepcopy(dict(tables))
    length = {name for name in ("steps", "epochs") if f"train.{name}" in given}
    if not length:
        length = {"steps", "epochs"} & set(merged.get("train", {}))
    if len(length) == 2:
        raise ConfigError("give train.steps or train.epochs, not both")
    if f"train.{''.join(length)}" in given:
        for name in ("steps", "epochs"):
            merged.setdefault("train", {}).pop(name, None)
    for dotted, value in given.items():
        section, *path = dotted.split(".")
        check_names([section], _SECTIONS, "recipe")
        table = merged.setdefault(section, {})
        for name in path[:-1]:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise ConfigError(f"{dotted}: {name} is no table")
        table[path[-1]] = value
    return merged
