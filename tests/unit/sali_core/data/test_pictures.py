from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sali_core.data.pictures import is_picture, open_picture, read_pair
from sali_core.errors import DatasetError


def _save(path: Path, height: int = 8) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (height, 12, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    return path


def test_grey_of_128_and_more_is_polyp(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8)).save(tmp_path / "m.png")
    Image.fromarray(np.zeros((1, 4, 3), np.uint8)).save(tmp_path / "i.png")
    _, mask = read_pair(tmp_path / "i.png", tmp_path / "m.png")
    assert mask.tolist() == [[False, False, True, True]]


def test_a_cut_off_file_is_named(tmp_path: Path) -> None:
    for name in ("cut.jpg", "cut.png"):
        path = _save(tmp_path / name, height=64)
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(DatasetError, match=rf"{name}: cannot be read as a picture"):
            open_picture(path)


def test_a_damaged_png_is_named(tmp_path: Path) -> None:
    path = _save(tmp_path / "bad.png")
    content = bytearray(path.read_bytes())
    content[20] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"bad\.png: cannot be read as a picture"):
        open_picture(path)


def test_a_missing_file_is_called_missing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none\.png: the file is missing"):
        open_picture(tmp_path / "none.png")


def test_sizes_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"m\.png: mask is 12x9, its picture 12x8"):
        read_pair(_save(tmp_path / "i.png"), _save(tmp_path / "m.png", height=9))


def test_hidden_files_and_texts_are_no_pictures() -> None:
    assert is_picture(Path("x/a.JPG"))
    assert not is_picture(Path("x/._a.jpg"))
    assert not is_picture(Path("x/a.txt"))
