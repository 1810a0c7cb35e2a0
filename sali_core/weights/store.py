"""Weights files: safetensors with the network's configuration and card facts in the header."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sali_core.config import ModelConfig
from sali_core.errors import CheckpointError
from sali_core.model.build import Network, create_network
from sali_core.weights.backbones import fit_backbone
from sali_core.weights.checkpoint_file import read_checkpoint
from sali_core.weights.fitting import fit_state, shapes_of
from sali_core.weights.header import (
    BackboneHeader,
    WeightsHeader,
    read_backbone_header,
    read_header,
)

__all__ = [
    "WeightsHeader",
    "check_weights_output",
    "copy_weights",
    "load_backbone",
    "load_network",
    "read_header",
    "save_backbone",
    "save_weights",
]


def save_weights(path: Path, network: Network, header: WeightsHeader, *, half: bool = True) -> None:
    """Write a network, in half precision unless told otherwise; the file appears whole or not.

    Raises:
        CheckpointError: A weight does not fit half precision, or the file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        kept = value.half() if half and value.is_floating_point() else value
        if not torch.isfinite(kept).all():
            raise CheckpointError(
                f"{path}: weight {name} is not finite{' in half precision' if half else ''}"
            )
        tensors[name] = kept
    _write(path, tensors, header.to_metadata())


def save_backbone(path: Path, tensors: Mapping[str, Tensor], header: BackboneHeader) -> None:
    """Write a backbone's pyramid as it is; the file appears whole or not.

    Raises:
        CheckpointError: The file cannot be written.
    """
    _write(path, tensors, header.to_metadata())


def load_network(path: Path, expected: ModelConfig | None = None) -> tuple[Network, WeightsHeader]:
    """Build the network a weights file describes, float32, in inference mode, on the CPU.

    Args:
        path: A weights file.
        expected: Refuse weights of any other configuration.

    Raises:
        CheckpointError: The file cannot be used; the text names what differs, is missing or
            misshapen.
    """
    header = read_header(path)
    if expected and (difference := header.config.difference(expected)):
        raise CheckpointError(f"weights {path} are of another network: {difference}")
    network = create_network(header.config)
    with safe_open(path, framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if problems := fit_state(shapes_of(network.state_dict()), state).problems:
        raise CheckpointError(f"weights {path} do not fit the network: {problems}")
    network.load_state_dict(state)
    return network.float().eval(), header


def check_weights_output(source: Path, out: Path, *, force: bool) -> None:
    """Refuse a place where no weights file made from `source` can be written.

    Raises:
        CheckpointError: The text says what is wrong with it.
    """
    if out.suffix != ".safetensors":
        raise CheckpointError(f"{out}: the output must end in .safetensors")
    if not out.parent.is_dir():
        raise CheckpointError(f"{out}: the folder {out.parent} does not exist; make it first")
    if out.is_dir():
        raise CheckpointError(f"{out}: is a folder")
    if out.exists() and source.exists() and out.samefile(source):
        raise CheckpointError(f"{out}: is the checkpoint itself; choose another name")
    if out.exists() and not force:
        raise CheckpointError(f"{out}: exists already; --force writes over it")


def copy_weights(source: Path, out: Path, header: WeightsHeader) -> None:
    """Write a weights file again under another header, its tensors as they are.

    Raises:
        CheckpointError: The source cannot be read, or the file cannot be written.
    """
    read_header(source)
    with safe_open(source, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    _write(out, tensors, header.to_metadata())


def load_backbone(network: Network, path: Path) -> None:
    """Fill the backbone from a file of pretrained weights.

    Taken are what `sali weights import` makes of a backbone, timm's own files (classifier or
    feature pyramid) and, for PVTv2, the original ones; `torch.save`d tensors or safetensors.

    Raises:
        CheckpointError: The file is unreadable or of another backbone; the text names what is
            missing, unexpected or misshapen.
    """
    name = network.config.backbone
    header = read_backbone_header(path) if path.suffix == ".safetensors" else None
    if header and header.backbone != name:
        raise CheckpointError(f"backbone weights {path} are of {header.backbone}, not of {name}")
    fit = fit_backbone(name, read_checkpoint(path).tensors)
    if fit.problems:
        raise CheckpointError(f"backbone weights {path} do not fit {name}: {fit.problems}")
    network.encoder.backbone.net.load_state_dict(fit.tensors)


def _write(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        # Tensors that share memory are refused by the library, hence the copies.
        copies = {name: value.cpu().contiguous().clone() for name, value in tensors.items()}
        save_file(copies, partial, metadata=metadata)
        partial.chmod(0o644)  # the library makes it private
        partial.replace(path)
    except SafetensorError as exc:
        raise CheckpointError(f"{path}: cannot be written: {exc}") from exc
    finally:
        partial.unlink(missing_ok=True)
