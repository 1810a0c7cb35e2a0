"""A folder of maps that says whose they are: a stopped run goes on, and no two networks mix."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from sali_core.weights.facts import file_sha256
from sali_core.weights.registry import find_weights
from server.output_files import OutputError

NOTE = "maps.json"


@dataclass(frozen=True)
class MapOrigin:
    """What computed maps.

    Attributes:
        weights: Name or file as given.
        sha256: Of the weights file; empty where the model's weights are no file.
        model: What ran the weights.
        mode: `live` or `reference`.
    """

    weights: str
    sha256: str
    model: str
    mode: str

    def __str__(self) -> str:
        """Say it in a few words."""
        digest = f", SHA-256 {self.sha256[:12]}" if self.sha256 else ""
        return f"{self.weights} (model {self.model}, mode {self.mode}{digest})"

    def gives_the_maps_of(self, other: MapOrigin) -> bool:
        """Tell whether both compute the same maps; a file may have moved since."""
        if (self.sha256, self.model, self.mode) != (other.sha256, other.model, other.mode):
            return False
        return bool(self.sha256) or self.weights == other.weights


def origin_of(weights: str, model: str, mode: str) -> MapOrigin:
    """Describe what will compute maps; reads the whole weights file once.

    Args:
        weights: A shipped name, a file, or whatever else `model` takes for weights.
        model: What runs the weights.
        mode: `live` or `reference`.
    """
    path = find_weights(weights)
    return MapOrigin(weights, file_sha256(path) if path else "", model, mode)


def claim_folder(folder: Path, origin: MapOrigin) -> None:
    """Note in a folder, made if missing, what its maps are computed by.

    Raises:
        OutputError: It holds maps of another origin, or files of an unknown one, or cannot be
            written.
    """
    note = folder / NOTE
    try:
        if not note.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            holds_files = any(_is_foreign(path) for path in folder.iterdir())
            # Another process may have claimed the folder, and begun, since the first look.
            if holds_files and not note.is_file():
                raise OutputError(
                    f"{folder}: holds files, and no {NOTE} that says whose maps they are; "
                    "give an empty or a new folder"
                )
            _write_first(note, json.dumps(asdict(origin), indent=2) + "\n")
        _refuse_others(folder, _read(note), origin)
    except OSError as exc:
        raise OutputError(f"{folder}: cannot be used for maps: {exc.strerror or exc}") from exc


def _is_foreign(path: Path) -> bool:
    return path.name != NOTE and not path.name.startswith(".")


def _write_first(note: Path, text: str) -> None:
    """Write a whole file, unless another process was first."""
    partial = note.with_name(f".{note.name}.{uuid4().hex}")
    try:
        partial.write_text(text, encoding="utf-8")
        try:
            note.hardlink_to(partial)  # unlike a renamed file, it replaces nothing
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            partial.replace(note)
    finally:
        partial.unlink(missing_ok=True)


def _refuse_others(folder: Path, noted: MapOrigin, origin: MapOrigin) -> None:
    if not origin.gives_the_maps_of(noted):
        raise OutputError(f"{folder}: holds maps of {noted}, not of {origin}; give another folder")


def _read(note: Path) -> MapOrigin:
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
        if isinstance(content, Mapping):
            return MapOrigin(**content)
    except (ValueError, TypeError) as exc:
        raise OutputError(f"{note}: damaged ({exc}); give another folder for the maps") from exc
    raise OutputError(f"{note}: damaged (no object); give another folder for the maps")
