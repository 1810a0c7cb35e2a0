from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sali_core.data.stills import StillFolder
from sali_core.errors import DatasetError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for name in ("a", "b", "c"):
        Image.fromarray(np.full((8, 12, 3), 90, np.uint8)).save(tmp_path / f"images/{name}.png")
        mask = np.zeros((8, 12), np.uint8)
        mask[2:5, 3:9] = 255
        Image.fromarray(mask).convert("1").save(tmp_path / f"masks/{name}.png")
    (tmp_path / "manifest.csv").write_text("name,split\na,train\nb,val\nc,train\n")
    return tmp_path


def test_a_split_holds_its_own_pictures_in_order(root: Path) -> None:
    train = StillFolder(root, "train")
    assert [train.name(i) for i in range(len(train))] == ["a", "c"]
    image, mask = train.load(0)
    assert image.shape == (8, 12, 3)
    assert mask.sum() == 18


def test_without_a_manifest_every_picture_counts(root: Path) -> None:
    (root / "manifest.csv").unlink()
    assert len(StillFolder(root, "val")) == 3


def test_a_missing_mask_is_named(root: Path) -> None:
    (root / "masks/c.png").unlink()
    with pytest.raises(DatasetError, match="no mask for picture 'c'"):
        StillFolder(root, "train")


def test_a_mask_of_another_size_is_named(root: Path) -> None:
    Image.fromarray(np.zeros((9, 12), np.uint8)).save(root / "masks/a.png")
    with pytest.raises(DatasetError, match=r"a\.png: mask is 12x9, its picture 12x8"):
        StillFolder(root, "train").load(0)


def test_an_unreadable_picture_is_named(root: Path) -> None:
    (root / "images/a.png").write_bytes(b"junk")
    with pytest.raises(DatasetError, match=r"a\.png: cannot be read as a picture"):
        StillFolder(root, "train").load(0)


def test_an_empty_split_and_a_missing_folder_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no images of split 'test'"):
        StillFolder(root, "test")
    with pytest.raises(DatasetError, match="expected images/ and masks/"):
        StillFolder(tmp_path / "nowhere", "train")


def test_a_manifest_without_its_columns_is_refused(root: Path) -> None:
    (root / "manifest.csv").write_text("file,part\na,train\n")
    with pytest.raises(DatasetError, match="columns 'name' and 'split'"):
        StillFolder(root, "train")


def test_a_picture_knows_its_data_set(root: Path) -> None:
    assert StillFolder(root, "train").dataset(0) == root.name
    (root / "manifest.csv").write_text("name,dataset,split\na,Kvasir,train\nb,,train\n")
    listed = StillFolder(root, "train")
    assert [listed.dataset(k) for k in range(2)] == ["Kvasir", root.name]
    (root / "manifest.csv").unlink()
    assert StillFolder(root, "train").dataset(2) == root.name
