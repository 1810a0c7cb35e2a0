"""Published figures on SUN-SEG, each with its source, to stand beside our own.

The data is `published.json`. It holds only figures that were read at their source; what is known
to be missing stands there under `absent`. Rows of one method from several sources stay apart,
because they do differ: re-evaluations and authors' own figures are not the same experiment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from sali_core.evaluation.protocol import FIGURES

SUBSETS = {
    "easy-seen": "TestEasyDataset/Seen",
    "easy-unseen": "TestEasyDataset/Unseen",
    "hard-seen": "TestHardDataset/Seen",
    "hard-unseen": "TestHardDataset/Unseen",
}
"""The four test sets of SUN-SEG and their folders."""


@dataclass(frozen=True)
class Source:
    """Where figures were read, and whose they are."""

    title: str
    address: str
    by: str


@dataclass(frozen=True)
class PublishedRow:
    """One method on one test set; figures by the toolbox's names, in [0, 1]."""

    method: str
    backbone: str
    subset: str
    source: str
    figures: Mapping[str, float]


@dataclass(frozen=True)
class PublishedTable:
    """All rows, their sources by name, and what is known to be missing."""

    rows: tuple[PublishedRow, ...]
    sources: Mapping[str, Source]
    absent: tuple[str, ...]

    def on(self, subset: str) -> tuple[PublishedRow, ...]:
        """Return the rows of one of `SUBSETS`."""
        return tuple(row for row in self.rows if row.subset == subset)


def load_published() -> PublishedTable:
    """Read the published figures that come with this package."""
    text = (files("sali_core.evaluation") / "published.json").read_text(encoding="utf-8")
    content = json.loads(text)
    return PublishedTable(
        rows=tuple(PublishedRow(**row) for row in content["rows"]),
        sources={name: Source(**source) for name, source in content["sources"].items()},
        absent=tuple(content["absent"]),
    )


def subset_of(truth_root: Path) -> str | None:
    """Tell the SUN-SEG test set from a folder's path; None where it is none of them."""
    parts = truth_root.resolve().parts
    for name, folder in SUBSETS.items():
        wanted = tuple(folder.split("/"))
        if any(parts[place : place + 2] == wanted for place in range(len(parts) - 1)):
            return name
    return None


def columns_of(rows: tuple[PublishedRow, ...]) -> list[str]:
    """Return the figures that any of the rows has, in the toolbox's order."""
    return [name for name in FIGURES if any(name in row.figures for row in rows)]
