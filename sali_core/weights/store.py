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
from sali_core.model.build import Network, create_network
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


def save_weights(path: Path, network: Network, header: WeightsHeader, *, half: bool = True) -> None:
    """Write a network, in half precision unless told otherwise; the file appears whole or not.

    Raises:
        CheckpointError: A weight does not fit half precision.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        kept = value.half() if half and value.is_floating_point() else value
        if not torch.isfinite(kept).all():
            raise CheckpointError(
                f"{path}: weight {name} is not finite{' in half precision' if half else ''}"
            )
        tensors[name] = kept.contiguous().cpu()
    metadata = {
        "format": FORMAT,
        "topology": network.config.topology,
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
