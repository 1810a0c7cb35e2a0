"""Puts a run together from its recipe: data, network, starting weights, trainer."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sali_core.config import ModelConfig
from sali_core.model.build import Network, create_network
from sali_core.training.ranks import Ranks
from sali_core.training.recipe import Recipe
from sali_core.training.sources import TrainingData, open_data
from sali_core.training.trainer import Trainer
from sali_core.weights.registry import resolve_weights
from sali_core.weights.store import load_backbone, load_network


@dataclass(frozen=True)
class PreparedRun:
    """A run that is ready to train.

    Attributes:
        trainer: Has gone on from `last.pt` where there was one.
        data: What to train and validate on.
        recipe: With `steps` worked out.
        is_resumed: Whether it goes on.
        changed: Settings that are not what they were when the run was last started.
    """

    trainer: Trainer
    data: TrainingData
    recipe: Recipe
    is_resumed: bool
    changed: tuple[str, ...]


def prepare_run(
    recipe: Recipe, *, device: torch.device | None = None, ranks: Ranks | None = None
) -> PreparedRun:
    """Open the data, build the network and load what the run starts or goes on from.

    Args:
        recipe: The run.
        device: CPU by default.
        ranks: Which process of how many this is; one alone by default.

    Raises:
        ConfigError: A setting cannot be used.
        DatasetError: The data is missing or of no known layout.
        CheckpointError: Weights to start or go on from do not fit; the text says what differs.
    """
    train = recipe.train
    data = open_data(recipe.data, size=train.size, seed=train.seed, batch=train.batch)
    recipe = with_steps(recipe, data.pictures)
    folder = recipe.run.folder
    is_resumed = (folder / "last.pt").exists()
    torch.manual_seed(recipe.train.seed)
    network = create_training_network(recipe.model, recipe.train.drop_path)
    if not is_resumed:
        load_start(network, recipe)
    trainer = Trainer(
        network,
        recipe.train,
        folder,
        name=recipe.run.name,
        profile=recipe.profile,
        device=device,
        ranks=ranks,
        settings=recipe.to_dict(),
        tensorboard=recipe.run.tensorboard,
    )
    changed: tuple[str, ...] = ()
    if trainer.resume():
        changed = changed_settings(folder / "config.json", recipe)
    return PreparedRun(trainer, data, recipe, is_resumed, changed)


def with_steps(recipe: Recipe, pictures: int) -> Recipe:
    """Work out `steps` where the recipe asks for epochs of `pictures` pictures each."""
    epochs = recipe.train.epochs
    if epochs is None:
        return recipe
    steps = max(math.ceil(epochs * pictures / recipe.train.batch), 1)
    return replace(recipe, train=replace(recipe.train, steps=steps))


def create_training_network(config: ModelConfig, drop_path: float) -> Network:
    """Build a network, with stochastic depth in its backbone if wanted.

    Stochastic depth has no weights and is nothing at inference, so `network.config` leaves it out.

    Raises:
        ConfigError: The backbone is unknown, or knows no stochastic depth.
    """
    if not drop_path:
        return create_network(config)
    options: Any = (*config.backbone_options, ("drop_path_rate", drop_path))
    network = create_network(replace(config, backbone_options=options))
    network.config = config
    return network


def load_start(network: Network, recipe: Recipe) -> None:
    """Fill a network with the weights its recipe starts from, if any.

    Raises:
        CheckpointError: They do not fit; the text says what differs.
    """
    if recipe.run.start:
        start, _ = load_network(resolve_weights(recipe.run.start), expected=network.config)
        network.load_state_dict(start.state_dict())
    elif recipe.run.backbone_weights:
        load_backbone(network, Path(recipe.run.backbone_weights))


def changed_settings(path: Path, recipe: Recipe) -> tuple[str, ...]:
    """Compare a recipe with the `config.json` of the run it goes on from.

    Returns:
        As `train.lr: 0.001, now 0.0005`; what one of the two does not have is left out.
    """
    try:
        before = json.loads(path.read_text())
    except (OSError, ValueError):
        return (f"{path} cannot be read: settings were not compared",)
    old, new = dict(_flat(before)), dict(_flat(json.loads(json.dumps(recipe.to_dict()))))
    return tuple(
        f"{name}: {old[name]}, now {new[name]}"
        for name in new
        if name in old and old[name] != new[name]
    )


def _flat(tables: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tables.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
