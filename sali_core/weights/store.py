"""Weights files: safetensors with the network's configuration and card facts in the header."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sali_core.config import ModelConfig
from sali_core.errors import CheckpointError, ConfigError
from sali_core.model.network import SaliNetwork

FORMAT = "sali.v1"


@dataclass(frozen=True)
class WeightsHeader:
    """What a weights file says of itself.

    Attributes:
        name: Name shown to people.
        profile: Profile the network was built from.
        threshold: Fixed threshold on the probability, chosen on validation data.
        config: The network's configuration.
    """

    name: str
    profile: str
    threshold: float
    config: ModelConfig


def save_weights(path: Path, network: SaliNetwork, header: WeightsHeader) -> None:
    """Write a network in half precision; the file appears whole or not at all.

    Raises:
        CheckpointError: A weight does not fit half precision.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        half = value.half() if value.is_floating_point() else value
        if not torch.isfinite(half).all():
            raise CheckpointError(f"{path}: weight {name} is not finite in half precision")
        tensors[name] = half.contiguous().cpu()
    metadata = {
        "format": FORMAT,
        "topology": "paper",
        "name": header.name,
        "profile": header.profile,
        "threshold": repr(header.threshold),
        "config": json.dumps(header.config.to_dict()),
    }
    partial = path.with_name(path.name + ".partial")
    save_file(tensors, partial, metadata=metadata)
    partial.chmod(0o644)  # the library makes it private
    partial.replace(path)


def read_header(path: Path) -> WeightsHeader:
    """Read what a weights file says of itself.

    Raises:
        CheckpointError: The file is missing, no safetensors file, or of another kind.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except FileNotFoundError:
        raise CheckpointError(f"weights {path}: no such file") from None
    except (SafetensorError, OSError) as exc:
        raise CheckpointError(f"weights {path}: not a readable safetensors file: {exc}") from exc
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"weights {path}: not a SALI Live file (no format {FORMAT!r} in it)")
    try:
        return WeightsHeader(
            name=metadata["name"],
            profile=metadata["profile"],
            threshold=float(metadata["threshold"]),
            config=ModelConfig.from_dict(json.loads(metadata["config"])),
        )
    except (KeyError, ValueError, TypeError, ConfigError) as exc:
        raise CheckpointError(f"weights {path}: damaged header: {exc}") from exc


def load_network(path: Path) -> tuple[SaliNetwork, WeightsHeader]:
    """Build the network a weights file describes, float32, in inference mode, on the CPU.

    Raises:
        CheckpointError: The file cannot be used; the text names what is missing or misshapen.
    """
    header = read_header(path)
    network = SaliNetwork(header.config)
    with safe_open(path, framework="pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    _check_state(path, network.state_dict(), state)
    network.load_state_dict(state)
    return network.float().eval(), header


def load_backbone(network: SaliNetwork, path: Path) -> None:
    """Fill the backbone from a plain timm classification checkpoint (`torch.save`d tensors).

    Raises:
        CheckpointError: The file is unreadable, or weights of the backbone are missing in it.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"backbone weights {path}: no such file") from None
    except Exception as exc:
        raise CheckpointError(f"backbone weights {path}: cannot be read: {exc}") from exc
    net = network.encoder.backbone.net
    wanted = net.state_dict()
    # Classifier weights are not part of a feature pyramid.
    _check_state(path, wanted, {k: v for k, v in state.items() if k in wanted})
    net.load_state_dict({k: state[k] for k in wanted})


def _check_state(path: Path, wanted: dict[str, Tensor], found: dict[str, Tensor]) -> None:
    missing = sorted(set(wanted) - set(found))
    unexpected = sorted(set(found) - set(wanted))
    misshapen = [
        f"{name} {tuple(found[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in sorted(set(wanted) & set(found))
        if wanted[name].shape != found[name].shape
    ]
    problems = [
        f"{len(names)} {kind} (first: {names[0]})"
        for kind, names in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("misshapen", misshapen),
        )
        if names
    ]
    if problems:
        raise CheckpointError(f"weights {path} do not fit the network: {'; '.join(problems)}")
