from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sali_core.weights.registry import DEFAULT_NAME, resolve_weights
from server.map_folder import NOTE, MapOrigin, claim_folder, origin_of
from server.output_files import OutputError

ORIGIN = MapOrigin("w.safetensors", "ab" * 32, "sali", "live")


def test_a_weights_file_is_known_by_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert origin_of(str(path), "sali", "live") == MapOrigin(str(path), digest, "sali", "live")


def test_shipped_weights_are_the_file_of_that_name() -> None:
    shipped = origin_of(DEFAULT_NAME, "sali", "live")
    assert shipped.sha256
    assert shipped.gives_the_maps_of(origin_of(str(resolve_weights(DEFAULT_NAME)), "sali", "live"))


def test_a_folder_is_made_and_can_be_claimed_again_by_the_same_origin(tmp_path: Path) -> None:
    folder = tmp_path / "deep/maps"
    claim_folder(folder, ORIGIN)
    note = (folder / NOTE).read_text()
    assert ORIGIN.sha256 in note
    (folder / "map.png").write_bytes(b"")
    claim_folder(folder, replace(ORIGIN, weights="moved.safetensors"))
    assert (folder / NOTE).read_text() == note


@pytest.mark.parametrize("change", [{"sha256": "cd" * 32}, {"mode": "reference"}, {"model": "x"}])
def test_what_gives_other_maps_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    claim_folder(tmp_path, ORIGIN)
    with pytest.raises(OutputError, match=r"holds maps of w\.safetensors \(model sali, mode live"):
        claim_folder(tmp_path, replace(ORIGIN, **change))


def test_weights_that_are_no_file_are_known_by_what_was_given(tmp_path: Path) -> None:
    given = origin_of("0.5", "redness", "live")
    claim_folder(tmp_path, given)
    claim_folder(tmp_path, given)
    with pytest.raises(OutputError, match=r"not of 0\.6 \(model redness"):
        claim_folder(tmp_path, origin_of("0.6", "redness", "live"))


def test_files_of_unknown_origin_are_refused(tmp_path: Path) -> None:
    (tmp_path / ".hidden").touch()
    claim_folder(tmp_path, ORIGIN)
    (tmp_path / "map.png").touch()
    (tmp_path / NOTE).unlink()
    with pytest.raises(OutputError, match=r"no maps\.json that says whose maps they are"):
        claim_folder(tmp_path, ORIGIN)


@pytest.mark.parametrize("text", ["{", "[]", '{"weights": "w"}', '{"x": 1}'])
def test_a_damaged_note_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / NOTE).write_text(text)
    with pytest.raises(OutputError, match=r"maps\.json: damaged"):
        claim_folder(tmp_path, ORIGIN)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be used for maps: Not a directory"):
        claim_folder(tmp_path / "file/maps", ORIGIN)


def play_another_process(
    monkeypatch: pytest.MonkeyPatch, before: str, claim: Callable[[], None]
) -> None:
    """Have another process claim the folder just before this one calls a method of a path."""
    called = getattr(Path, before)

    def claim_and_call(*args: Any, **options: Any) -> Any:
        monkeypatch.undo()
        claim()
        return called(*args, **options)

    monkeypatch.setattr(Path, before, claim_and_call)


@pytest.mark.parametrize("before", ["mkdir", "iterdir", "write_text", "hardlink_to"])
def test_a_folder_that_another_process_claims_meanwhile_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    folder = tmp_path / "maps"

    def claim() -> None:
        claim_folder(folder, ORIGIN)
        (folder / "map.png").touch()

    play_another_process(monkeypatch, before, claim)
    claim_folder(folder, ORIGIN)
    assert sorted(path.name for path in folder.iterdir()) == ["map.png", NOTE]


@pytest.mark.parametrize("before", ["mkdir", "iterdir", "write_text", "hardlink_to"])
def test_a_folder_that_another_origin_claims_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    other = replace(ORIGIN, sha256="cd" * 32)
    play_another_process(monkeypatch, before, lambda: claim_folder(tmp_path / "maps", other))
    with pytest.raises(OutputError, match="holds maps of"):
        claim_folder(tmp_path / "maps", ORIGIN)


def test_a_folder_can_be_claimed_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(note: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    claim_folder(tmp_path, ORIGIN)
    claim_folder(tmp_path, ORIGIN)
    assert [path.name for path in tmp_path.iterdir()] == [NOTE]
