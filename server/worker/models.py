"""Finds the model that takes the network's seat: by entry point, or by `module:function`.

A model is anything that fits `sali_core.stream.model.StreamModel`; a factory makes one from
(weights, device). Packages offer theirs under the entry point group `sali_live.models`
(docs/models.md).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from server.errors import WorkerStartError

if TYPE_CHECKING:
    from sali_core.stream.model import StreamModel

GROUP = "sali_live.models"

ModelFactory = Callable[[str, str], "StreamModel"]


def model_names() -> list[str]:
    """Names of the models that installed packages offer."""
    return sorted(set(entry_points(group=GROUP).names))


def find_factory(name: str) -> ModelFactory:
    """Return the factory of a model.

    Args:
        name: An entry point of `sali_live.models`, or `module:function`.

    Raises:
        WorkerStartError: There is no such model; the text lists those there are.
    """
    if ":" in name:
        return _import_factory(name)
    points = entry_points(group=GROUP, name=name)
    if not points:
        raise WorkerStartError(
            f"model {name!r} is not installed; there are: {', '.join(model_names())} "
            "(or give module:function)"
        )
    factory: ModelFactory = next(iter(points)).load()
    return factory


def _import_factory(name: str) -> ModelFactory:
    module_name, _, function_name = name.partition(":")
    try:
        factory: ModelFactory = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as exc:
        raise WorkerStartError(f"model {name!r} cannot be imported: {exc}") from exc
    return factory
