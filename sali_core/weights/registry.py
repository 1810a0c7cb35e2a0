"""Weights by name: the files that come with the package."""

from __future__ import annotations

from pathlib import Path

from sali_core.errors import CheckpointError
from sali_core.weights.facts import WeightsFacts, read_facts

SHIPPED = Path(__file__).parent / "shipped"
DEFAULT_NAME = "small-demo"


def shipped_names() -> list[str]:
    """Names of the weights that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.safetensors"))


def find_weights(name_or_path: str | Path) -> Path | None:
    """Return the file meant by a shipped name or a path; None if it means no file."""
    places = (SHIPPED / f"{name_or_path}.safetensors", Path(name_or_path))
    return next((place for place in places if place.is_file()), None)


def resolve_weights(name_or_path: str | Path) -> Path:
    """Return the file meant by a shipped name or a path.

    Raises:
        CheckpointError: Neither a shipped name nor an existing file.
    """
    path = find_weights(name_or_path)
    if path is not None:
        return path
    names = ", ".join(shipped_names()) or "none"
    raise CheckpointError(
        f"weights {str(name_or_path)!r}: no such file, and no shipped weights of that name "
        f"(shipped: {names})"
    )


def shipped_facts() -> list[WeightsFacts]:
    """What the weights that come with the package are, by name; SHA-256 computed now."""
    return [read_facts(resolve_weights(name)) for name in shipped_names()]
