from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from sali_core.data.sun_seg import SPLITS, SunSeg, frame_order
from sali_core.errors import DatasetError
from tests.fakes.sun_seg_tree import HEIGHT, WIDTH, write_case, write_sun_seg


def test_all_splits_and_cases_are_listed(tmp_path: Path) -> None:
    data = SunSeg(write_sun_seg(tmp_path))
    assert data.splits == ("train", "easy_seen", "easy_unseen", "hard_seen", "hard_unseen")
    assert [case.name for case in data.cases("hard_seen")] == ["case4_1", "case4_2"]
    with pytest.raises(FrozenInstanceError):
        data.root = tmp_path  # type: ignore[misc]  # this is the point


def test_the_published_counts_add_up() -> None:
    assert sum(split.frames for split in SPLITS.values()) == 49_136
    assert sum(split.cases for split in SPLITS.values()) == 285
    assert SPLITS["easy_seen"].cases + SPLITS["easy_unseen"].cases == 119
    assert SPLITS["hard_seen"].frames + SPLITS["hard_unseen"].frames == 12_522


def test_frames_come_in_order_of_time_with_their_masks(tmp_path: Path) -> None:
    case = SunSeg(write_sun_seg(tmp_path, frames=5)).cases("train")[0]
    assert len(case) == 5
    brightness = [int(case.load(k)[0].mean()) for k in range(5)]
    assert brightness == sorted(brightness)
    starts = [int(case.load(k)[1].any(0).argmax()) for k in range(5)]
    assert starts == [2, 3, 4, 5, 6]
    image, mask = case.load(0)
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert mask.shape == (HEIGHT, WIDTH)


def test_cases_and_frames_sort_by_number(tmp_path: Path) -> None:
    for name in ("case10_1", "case2_10", "case2_9"):
        write_case(tmp_path / "TrainDataset", name, 1)
    names = [case.name for case in SunSeg(tmp_path).cases("train")]
    assert names == ["case2_9", "case2_10", "case10_1"]
    assert frame_order("case_a2_ayy_image0002") < frame_order("case_a10_ayy_image0001")
    assert frame_order("case_a1_image9") < frame_order("case_a1_image10")
    assert frame_order("9") < frame_order("10") < frame_order("frame3")


def test_hidden_files_are_no_frames(tmp_path: Path) -> None:
    write_case(tmp_path / "TrainDataset", "case1_1", 2)
    (tmp_path / "TrainDataset/Frame/case1_1/._case_a1_image0000.jpg").write_bytes(b"")
    assert len(SunSeg(tmp_path).cases("train")[0]) == 2


def test_a_missing_mask_is_named_when_read(tmp_path: Path) -> None:
    case = SunSeg(write_sun_seg(tmp_path)).cases("train")[0]
    case.mask_path(1).unlink()
    case.load(0)
    with pytest.raises(DatasetError, match=r"image0001\.png: the file is missing"):
        case.load(1)


def test_wrong_roots_get_the_right_advice(tmp_path: Path) -> None:
    root = write_sun_seg(tmp_path / "data" / "SUN-SEG")
    with pytest.raises(DatasetError, match=r"give .*SUN-SEG"):
        SunSeg(tmp_path / "data")
    with pytest.raises(DatasetError, match="give the one that holds TrainDataset"):
        SunSeg(root / "TrainDataset")
    with pytest.raises(DatasetError, match="expected TrainDataset/Frame"):
        SunSeg(tmp_path / "nowhere")


def test_the_first_release_is_recognised_and_refused(tmp_path: Path) -> None:
    write_case(tmp_path / "TestEasyDataset", "case1_1", 1)
    with pytest.raises(DatasetError, match="no Seen and Unseen"):
        SunSeg(tmp_path)


def test_missing_and_unknown_splits_are_refused(tmp_path: Path) -> None:
    write_case(tmp_path / "TrainDataset", "case1_1", 1)
    (tmp_path / "TestHardDataset/Seen/Frame/case1_1").mkdir(parents=True)
    data = SunSeg(tmp_path)
    with pytest.raises(DatasetError, match="no such folder"):
        data.cases("easy_seen")
    with pytest.raises(DatasetError, match="no images in any case folder"):
        data.cases("hard_seen")
    with pytest.raises(DatasetError, match="no split 'test'; choose one of train, easy_seen"):
        data.cases("test")
