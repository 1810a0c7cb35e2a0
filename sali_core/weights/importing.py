"""Turns other people's checkpoints into weights files of ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from sali_core.config import ModelConfig
from sali_core.errors import CheckpointError, ConfigError
from sali_core.model.build import create_network
from sali_core.weights.checkpoint_file import read_checkpoint
from sali_core.weights.header import FORMAT, BackboneHeader, WeightsHeader, read_metadata
from sali_core.weights.recognition import Recognised, profile_of, recognise
from sali_core.weights.store import check_weights_output, save_backbone, save_weights

DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        recognised: What the checkpoint turned out to be.
        is_averaged: Whether averaged weights were found and taken.
        threshold: Written into the header; None for a backbone.
    """

    recognised: Recognised
    is_averaged: bool
    threshold: float | None


def import_checkpoint(
    source: Path,
    out: Path,
    *,
    name: str | None = None,
    threshold: float | None = None,
    force: bool = False,
) -> Imported:
    """Read a checkpoint, recognise its network and write it in our format, float32.

    Args:
        source: `torch.save`d tensors or safetensors (see `read_checkpoint` and `recognise`).
        out: File to write, ending in .safetensors; it appears whole or not.
        name: Shown to people; the file's name without its ending where None.
        threshold: On the probability, in (0, 1); 0.5 where None. Not for backbones.
        force: Write over an existing file.

    Raises:
        CheckpointError: The checkpoint cannot be used, or the file not be written.
        ConfigError: The threshold is outside (0, 1), or given for a backbone.
    """
    check_weights_output(source, out, force=force)
    if threshold is not None and not 0.0 < threshold < 1.0:
        raise ConfigError(f"threshold must be between 0 and 1, got {threshold}")
    _refuse_own_format(source)
    checkpoint = read_checkpoint(source)
    recognised = recognise(source, checkpoint.tensors)
    if recognised.fit.problems:
        raise CheckpointError(
            f"{source}: looks like {recognised.what} with backbone {recognised.backbone}, but "
            f"does not fit it: {recognised.fit.problems}"
        )
    if recognised.config is None:
        if threshold is not None:
            raise ConfigError(f"{source}: holds a backbone alone, which has no threshold")
        header = BackboneHeader(name or out.stem, recognised.backbone)
        save_backbone(out, recognised.fit.tensors, header)
        return Imported(recognised, checkpoint.is_averaged, None)
    chosen = DEFAULT_THRESHOLD if threshold is None else threshold
    _save_network(out, recognised, recognised.config, name or out.stem, chosen)
    return Imported(recognised, checkpoint.is_averaged, chosen)


def _save_network(
    out: Path, recognised: Recognised, config: ModelConfig, name: str, threshold: float
) -> None:
    with torch.device("meta"):
        network = create_network(config)
    network.load_state_dict(recognised.fit.tensors, assign=True)
    header = WeightsHeader(name, profile_of(config), threshold, config)
    save_weights(out, network, header, half=False)


def _refuse_own_format(source: Path) -> None:
    if source.suffix != ".safetensors" or not source.is_file():
        return
    if read_metadata(source).get("format") == FORMAT:
        raise CheckpointError(
            f"{source}: is a SALI Live weights file already; use it as it is (--weights {source})"
        )
