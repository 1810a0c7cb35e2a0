"""What can be told of a weights file without loading its tensors."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

from safetensors import safe_open

from sali_core.config import ModelConfig
from sali_core.errors import CheckpointError
from sali_core.weights.header import BACKBONE, NETWORK, read_backbone_header, read_header

_NOT_LEARNT = (".running_mean", ".running_var", ".num_batches_tracked")
# Parts whose own parts are counted one by one.
_SPLIT_PARTS = ("encoder", "relation")


@dataclass(frozen=True)
class WeightsFacts:
    """A weights file, for people.

    Attributes:
        name: Name in its header.
        path: The file.
        kind: `network` or `backbone`.
        backbone: timm's name of the backbone.
        profile: Profile of a network; None for a backbone, as the next three.
        threshold: On the probability.
        peak_threshold: What the surest pixel of a region must reach; None: every region is shown.
        config: The network's configuration.
        parameters: Learnt numbers (without the batch norms' statistics) in all.
        parts: Of each part of the network, such as `encoder.rfb`.
        dtypes: Number formats in the file, such as `F16`.
        size_bytes: Of the file.
        sha256: Of the file.
        card: Text of the card (the same name, ending .md); None if there is none.
    """

    name: str
    path: Path
    kind: str
    backbone: str
    profile: str | None
    threshold: float | None
    peak_threshold: float | None
    config: ModelConfig | None
    parameters: int
    parts: dict[str, int]
    dtypes: tuple[str, ...]
    size_bytes: int
    sha256: str
    card: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"path": str(self.path)}


def read_facts(path: Path) -> WeightsFacts:
    """Read what a weights file is; its tensors are not loaded.

    Raises:
        CheckpointError: The file is missing or no weights file of ours.
    """
    backbone = read_backbone_header(path)
    header = None if backbone else read_header(path)
    parts, dtypes = _count(path, BACKBONE if backbone else NETWORK)
    card = path.with_suffix(".md")
    return WeightsFacts(
        name=backbone.name if backbone else header.name if header else "",
        path=path,
        kind=BACKBONE if backbone else NETWORK,
        backbone=backbone.backbone if backbone else header.config.backbone if header else "",
        profile=header.profile if header else None,
        threshold=header.threshold if header else None,
        peak_threshold=header.peak_threshold if header else None,
        config=header.config if header else None,
        parameters=sum(parts.values()),
        parts=parts,
        dtypes=dtypes,
        size_bytes=path.stat().st_size,
        sha256=file_sha256(path),
        card=card.read_text(encoding="utf-8") if card.is_file() else None,
    )


def folder_facts(folder: Path) -> tuple[list[WeightsFacts], list[str]]:
    """Return the weights files in a folder, by file name, and why others were left out.

    Raises:
        CheckpointError: There is no such folder.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such folder")
    facts, reasons = [], []
    for path in sorted(folder.glob("*.safetensors")):
        try:
            facts.append(read_facts(path))
        except CheckpointError as exc:
            reasons.append(str(exc))
    return facts, reasons


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _count(path: Path, kind: str) -> tuple[dict[str, int], tuple[str, ...]]:
    parts: dict[str, int] = {}
    dtypes: set[str] = set()
    with safe_open(path, framework="np") as file:
        for name in file.keys():  # noqa: SIM118 - no mapping
            tensor = file.get_slice(name)
            if name.endswith(_NOT_LEARNT):
                continue
            dtypes.add(tensor.get_dtype())
            part = BACKBONE if kind == BACKBONE else _part(name)
            parts[part] = parts.get(part, 0) + prod(tensor.get_shape())
    return dict(sorted(parts.items())), tuple(sorted(dtypes))


def _part(name: str) -> str:
    first, second, *_ = name.split(".")
    return f"{first}.{second}" if first in _SPLIT_PARTS else first
