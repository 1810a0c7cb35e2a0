from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sali_core.data.frame_folders import find_frame_folders, read_frame
from sali_core.data.natural_order import natural_key
from sali_core.errors import DatasetError


def _picture(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 3), (value, value, value)).save(path)
    return path


def _names(root: Path) -> dict[str, list[str]]:
    return {str(f.name): [path.name for path in f.frames] for f in find_frame_folders(root)}


def test_a_folder_of_pictures_is_one_clip_in_natural_order(tmp_path: Path) -> None:
    for name in ("frame10.png", "frame2.jpg", "frame1.png"):
        _picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    _picture(tmp_path / ".hidden.png")
    assert _names(tmp_path) == {".": ["frame1.png", "frame2.jpg", "frame10.png"]}


def test_folders_at_any_depth_are_clips_of_their_own(tmp_path: Path) -> None:
    for name in ("case10/0.png", "case2/left/0.png", "case2/left/1.png", "0.png", ".x/0.png"):
        _picture(tmp_path / name)
    (tmp_path / "empty").mkdir()
    found = find_frame_folders(tmp_path)
    assert [f.name for f in found] == [
        PurePosixPath("."), PurePosixPath("case2/left"), PurePosixPath("case10"),
    ]  # fmt: skip
    assert [len(f.frames) for f in found] == [1, 2, 1]


def test_a_linked_folder_is_followed_and_a_circle_ends(tmp_path: Path) -> None:
    _picture(tmp_path / "elsewhere/0.png")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/up").symlink_to(tmp_path / "elsewhere")
    assert _names(root) == {"link": ["0.png"]}


@given(st.lists(st.integers(0, 10**6), unique=True, min_size=1))
def test_padded_numbers_come_in_their_plain_order(numbers: list[int]) -> None:
    names = [f"case_{number:07d}_a" for number in numbers]
    assert sorted(names, key=natural_key) == sorted(names)


@given(st.text(max_size=8), st.text(max_size=8))
def test_any_two_names_have_an_order(one: str, two: str) -> None:
    assert (natural_key(one) < natural_key(two)) != (natural_key(two) < natural_key(one)) or (
        one == two
    )


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=f"{tmp_path}: no pictures"):
        find_frame_folders(tmp_path)


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    _picture(tmp_path / "a/0.png")
    _picture(tmp_path / "a/0.jpg")
    with pytest.raises(DatasetError, match="2 pictures are named '0'"):
        find_frame_folders(tmp_path)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_any_8_bit_picture_is_read_as_rgb(tmp_path: Path, mode: str) -> None:
    Image.new("RGB", (4, 3), (255, 255, 255)).convert(mode).save(tmp_path / "p.png")
    frame = read_frame(tmp_path / "p.png")
    assert frame.shape == (3, 4, 3)
    assert frame.dtype == np.uint8
    assert (frame == 255).all()


def test_more_than_8_bits_are_refused_rather_than_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.full((3, 4), 40_000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(DatasetError, match=r"deep\.png: more than 8 bits"):
        read_frame(tmp_path / "deep.png")


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    path = _picture(tmp_path / "cut.png")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DatasetError, match=r"cut\.png: cannot be read"):
        read_frame(path)
