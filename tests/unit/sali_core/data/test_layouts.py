from __future__ import annotations

from pathlib import Path

import pytest

from sali_core.data.layouts import read_layout
from sali_core.data.sun_seg import SPLITS, PublishedSplit
from sali_core.errors import DatasetError
from tests.fakes.sun_seg_tree import write_stills, write_sun_seg


@pytest.fixture
def sun_seg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree that agrees with what, for the test, was published."""
    for name, split in SPLITS.items():
        monkeypatch.setitem(SPLITS, name, PublishedSplit(split.folder, 2, 8))
    return write_sun_seg(tmp_path / "SUN-SEG")


def _problems(root: Path) -> list[str]:
    return [f"{p.path.relative_to(root)}: {p.what}" for p in read_layout(root).problems]


def test_sun_seg_is_recognised_and_paired(sun_seg: Path) -> None:
    layout = read_layout(sun_seg)
    assert layout.name == "SUN-SEG"
    assert len(layout.pairs) == 5 * 2 * 4
    assert all(image.stem == mask.stem for image, mask in layout.pairs)
    assert [part.name for part in layout.parts] == list(SPLITS)
    assert layout.problems == ()


def test_counts_are_held_against_the_published_ones(tmp_path: Path) -> None:
    problems = _problems(write_sun_seg(tmp_path))
    assert "TestEasyDataset/Unseen: 2 cases, 86 published" in problems
    assert "TrainDataset: 8 frames, 19544 published" in problems


def test_a_missing_split_is_a_problem(sun_seg: Path) -> None:
    (sun_seg / "TestHardDataset/Unseen").rename(sun_seg / "TestHardDataset/unseen")
    assert _problems(sun_seg) == [
        "TestHardDataset/Unseen: missing: split hard_unseen, 2 cases as published"
    ]


def test_missing_and_lonely_masks_are_named(sun_seg: Path) -> None:
    masks = sorted((sun_seg / "TrainDataset/GT/case1_1").iterdir())
    masks[0].unlink()
    masks[1].rename(masks[1].with_name("other.png"))
    (sun_seg / "TrainDataset/GT/case7_7").mkdir()
    problems = _problems(sun_seg)
    assert len(problems) == 4
    folder = "TrainDataset/GT/case1_1"
    assert f"{folder}/{masks[0].name}: missing: no mask for this picture" in problems
    assert f"{folder}/{masks[1].name}: missing: no mask for this picture" in problems
    assert f"{folder}/other.png: a mask without a picture" in problems
    assert "TrainDataset/GT/case7_7: masks of a case that has no folder in Frame" in problems


def test_an_empty_case_is_named(sun_seg: Path) -> None:
    for kind in ("Frame", "GT"):
        for path in (sun_seg / "TrainDataset" / kind / "case1_2").iterdir():
            path.unlink()
    problems = _problems(sun_seg)
    assert "TrainDataset/Frame/case1_2: no images in this case" in problems
    assert "TrainDataset: 4 frames, 8 published" in problems


def test_stills_with_and_without_manifest_are_told_apart(tmp_path: Path) -> None:
    plain = read_layout(write_stills(tmp_path / "plain"))
    assert plain.name == "images and masks, no manifest"
    assert [(part.name, part.frames, part.masks) for part in plain.parts] == [("all", 3, 3)]
    listed = read_layout(write_stills(tmp_path / "m", "name,split\na,train\nb,val\nc,train\n"))
    assert listed.name == "images and masks with manifest"
    assert [(part.name, part.frames) for part in listed.parts] == [("train", 2), ("val", 1)]
    assert plain.problems == listed.problems == ()


def test_a_manifest_and_its_files_must_agree(tmp_path: Path) -> None:
    root = write_stills(tmp_path / "m", "name,split\na,train\nb,val\nd,train\na,val\n")
    (root / "masks/b.png").unlink()
    assert _problems(root) == [
        "masks/b.png: missing: no mask for this picture",
        "images/d: in the manifest, but there is no such image",
        "images/c.png: not in the manifest: belongs to no split",
        "manifest.csv: a is listed 2 times",
    ]


def test_pictures_of_one_origin_in_two_splits_are_a_problem(tmp_path: Path) -> None:
    table = "name,split,group,sequence\na,train,x,\nb,val,x,\nc,train,y,\n"
    problems = _problems(write_stills(tmp_path / "m", table))
    assert len(problems) == 1
    assert problems[0].startswith("manifest.csv: group x lies in train and val")


def test_two_pictures_of_one_name_are_a_problem(tmp_path: Path) -> None:
    root = write_stills(tmp_path / "s")
    (root / "images/a.jpg").write_bytes((root / "images/a.png").read_bytes())
    problem = "another picture has the same name and another ending"
    assert _problems(root) == [f"images/a.jpg: {problem}", f"images/a.png: {problem}"]


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        read_layout(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"expected TrainDataset.*nor images/ and masks/"):
        read_layout(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(DatasetError, match="images: no images"):
        read_layout(tmp_path)


def test_a_manifest_without_its_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="columns 'name' and 'split'"):
        read_layout(write_stills(tmp_path / "m", "file,part\na,train\n"))
