"""Fits the tensors of a file to those a network wants, and names what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sali_core.weights.checkpoint_file import first_names

Shapes = Mapping[str, torch.Size]


@dataclass(frozen=True)
class Fit:
    """How a state dict meets the wanted names and shapes.

    Attributes:
        tensors: What fits, under our names.
        missing: Wanted names, as the file would call them, that are not there.
        unexpected: Names of the file that nothing wants.
        misshapen: Names of the file with the shape found and the shape wanted.
    """

    tensors: dict[str, Tensor]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]

    @property
    def problem_count(self) -> int:
        """Names that do not fit, of all three kinds."""
        return len(self.missing) + len(self.unexpected) + len(self.misshapen)

    @property
    def problems(self) -> str:
        """Counts and first five names of each kind, in one line; empty if all fits."""
        kinds = (
            ("missing", self.missing),
            ("unexpected", self.unexpected),
            ("misshapen", self.misshapen),
        )
        return "; ".join(
            f"{len(names)} {kind} (first: {first_names(names)})" for kind, names in kinds if names
        )


def shapes_of(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """Return the shape of every entry."""
    return {name: value.shape for name, value in state.items()}


def fit_state(
    wanted: Shapes,
    state: Mapping[str, Tensor],
    to_theirs: Callable[[str], str] = str,
    ignored: frozenset[str] = frozenset(),
) -> Fit:
    """Find every wanted tensor in a state dict that may use other names.

    Args:
        wanted: Our names and shapes.
        state: Names and tensors of the file.
        to_theirs: Our name to the file's.
        ignored: Names of the file that nobody needs, such as a classifier's.
    """
    theirs = {name: to_theirs(name) for name in wanted}
    found = {name: state[other] for name, other in theirs.items() if other in state}
    misshapen = tuple(
        f"{theirs[name]} {list(value.shape)} instead of {list(wanted[name])}"
        for name, value in found.items()
        if value.shape != wanted[name]
    )
    return Fit(
        {name: value for name, value in found.items() if value.shape == wanted[name]},
        tuple(other for name, other in theirs.items() if name not in found),
        tuple(set(state) - set(theirs.values()) - ignored),
        misshapen,
    )
