"""What a weights file says of itself: the header of a safetensors file, read without tensors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from sali_core.config import ModelConfig
from sali_core.errors import CheckpointError, ConfigError

FORMAT = "sali.v1"
NETWORK, BACKBONE = "network", "backbone"


@dataclass(frozen=True)
class WeightsHeader:
    """What the weights file of a whole network says of itself.

    Attributes:
        name: Name shown to people.
        profile: Profile the network was built from.
        threshold: Fixed threshold on the probability, chosen on validation data.
        config: The network's configuration.
        peak_threshold: What the surest pixel of a region must reach for the region to be shown;
            None: every region is.
    """

    name: str
    profile: str
    threshold: float
    config: ModelConfig
    peak_threshold: float | None = None

    def to_metadata(self) -> dict[str, str]:
        """Return the header's entries; `read_header` reads them back."""
        entries = {
            "format": FORMAT,
            "kind": NETWORK,
            "topology": self.config.topology,
            "name": self.name,
            "profile": self.profile,
            "threshold": repr(self.threshold),
            "config": json.dumps(self.config.to_dict()),
        }
        if self.peak_threshold is not None:
            entries["peak_threshold"] = repr(self.peak_threshold)
        return entries


@dataclass(frozen=True)
class BackboneHeader:
    """What a backbone's weights file says of itself.

    Attributes:
        name: Name shown to people.
        backbone: timm's name of the model.
    """

    name: str
    backbone: str

    def to_metadata(self) -> dict[str, str]:
        """Return the header's entries; `read_backbone_header` reads them back."""
        return {"format": FORMAT, "kind": BACKBONE, "name": self.name, "backbone": self.backbone}


def read_metadata(path: Path) -> dict[str, str]:
    """Return the entries of a safetensors header; empty if it has none.

    Raises:
        CheckpointError: The file is missing or no safetensors file.
    """
    try:
        with safe_open(path, framework="np") as file:
            return dict(file.metadata() or {})
    except FileNotFoundError:
        raise CheckpointError(f"weights {path}: no such file") from None
    except (SafetensorError, OSError) as exc:
        raise CheckpointError(f"weights {path}: not a readable safetensors file: {exc}") from exc


def read_header(path: Path) -> WeightsHeader:
    """Read what the weights file of a whole network says of itself.

    Raises:
        CheckpointError: The file is missing, no safetensors file, or of another kind.
    """
    metadata = _sali_metadata(path)
    if metadata.get("kind", NETWORK) == BACKBONE:
        raise CheckpointError(
            f"weights {path}: holds a backbone alone ({metadata.get('backbone')}), not a network; "
            "it is for sali train --backbone-weights"
        )
    try:
        return WeightsHeader(
            name=metadata["name"],
            profile=metadata["profile"],
            threshold=float(metadata["threshold"]),
            config=ModelConfig.from_dict(json.loads(metadata["config"])),
            peak_threshold=(
                float(metadata["peak_threshold"]) if "peak_threshold" in metadata else None
            ),
        )
    except (KeyError, ValueError, TypeError, AttributeError, ConfigError) as exc:
        raise CheckpointError(f"weights {path}: damaged header: {exc}") from exc


def read_backbone_header(path: Path) -> BackboneHeader | None:
    """Read what a backbone's file says of itself; None if the file is of another kind.

    Raises:
        CheckpointError: The file is missing, no safetensors file, or its header is damaged.
    """
    metadata = read_metadata(path)
    if metadata.get("format") != FORMAT or metadata.get("kind") != BACKBONE:
        return None
    try:
        return BackboneHeader(name=metadata["name"], backbone=metadata["backbone"])
    except KeyError as exc:
        raise CheckpointError(f"weights {path}: damaged header: no {exc}") from exc


def _sali_metadata(path: Path) -> dict[str, str]:
    metadata = read_metadata(path)
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"weights {path}: not a SALI Live file (no format {FORMAT!r} in it); "
            "sali weights import takes other people's files"
        )
    return metadata
