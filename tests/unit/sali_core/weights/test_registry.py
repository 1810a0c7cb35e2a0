from __future__ import annotations

from pathlib import Path

import pytest

from sali_core.errors import CheckpointError
from sali_core.weights.registry import (
    DEFAULT_NAME,
    SHIPPED,
    resolve_weights,
    shipped_facts,
    shipped_names,
)


def test_a_shipped_name_is_its_file() -> None:
    assert resolve_weights(DEFAULT_NAME) == SHIPPED / f"{DEFAULT_NAME}.safetensors"


def test_a_path_is_itself(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.touch()
    assert resolve_weights(str(path)) == path


def test_neither_is_refused_with_the_shipped_names() -> None:
    with pytest.raises(CheckpointError, match=f"no such file.*shipped: .*{DEFAULT_NAME}"):
        resolve_weights("nothing")


def test_every_shipped_file_has_facts_and_a_card() -> None:
    facts = shipped_facts()
    assert [f.path.stem for f in facts] == shipped_names()
    assert all(f.card and f.kind == "network" for f in facts)
