from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sali_core.errors import DatasetError
from sali_core.evaluation.maps import find_cases, read_grey, resize_bilinear


def _write(path: Path, levels: np.ndarray | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 4), np.uint8) if levels is None else levels).save(path)


def _tree(root: Path, *names: str) -> Path:
    for name in names:
        _write(root / name)
    return root


def test_cases_and_frames_come_in_natural_order(tmp_path: Path) -> None:
    names = ["case10_1/f_image9.png", "case10_1/f_image10.png", "case2_1/f_image1.png"]
    truth, maps = _tree(tmp_path / "t", *names), _tree(tmp_path / "p", *names)
    cases, notes = find_cases(truth, maps)
    assert [case.name for case in cases] == ["case2_1", "case10_1"]
    assert [files.truth.stem for files in cases[1].frames] == ["f_image9", "f_image10"]
    assert notes == []


def test_sun_seg_names_are_in_order_of_clip_and_frame(tmp_path: Path) -> None:
    stem = "case1_1/case_M_20181001100941_0U62363100354631_1_001_002-1_a13_ayy_image{:04}.png"
    names = [stem.format(number) for number in (2, 10, 1)]
    truth, maps = _tree(tmp_path / "t", *names), _tree(tmp_path / "p", *names)
    frames = find_cases(truth, maps)[0][0].frames
    assert [files.prediction.stem[-4:] for files in frames] == ["0001", "0002", "0010"]


def test_a_gt_folder_in_between_is_entered(tmp_path: Path) -> None:
    truth = _tree(tmp_path / "Seen", "GT/case1/a.png", "Frame/case1/a.png")
    assert len(find_cases(truth, _tree(tmp_path / "p", "case1/a.jpg"))[0]) == 1


def test_missing_predictions_are_named_and_counted(tmp_path: Path) -> None:
    names = [f"case1/{number}.png" for number in range(9)]
    truth, maps = _tree(tmp_path / "t", *names), _tree(tmp_path / "p", names[0], names[-1])
    with pytest.raises(DatasetError, match=r"case1: no prediction for 1.png, .* and 4 more in"):
        find_cases(truth, maps)


def test_ends_without_prediction_are_left_out_and_said(tmp_path: Path) -> None:
    names = [f"case1/{number}.png" for number in range(5)]
    truth, maps = _tree(tmp_path / "t", *names), _tree(tmp_path / "p", *names[1:4], "other/0.png")
    cases, notes = find_cases(truth, maps)
    assert [files.truth.stem for files in cases[0].frames] == ["1", "2", "3"]
    assert not any(files.is_end for files in cases[0].frames)
    assert notes == [
        "case1: no prediction of its first frame, last frame, left out",
        "predictions without truth were left out: other",
    ]


def test_a_case_without_predictions_is_named(tmp_path: Path) -> None:
    truth = _tree(tmp_path / "t", "case1/a.png", "case2/a.png")
    with pytest.raises(DatasetError, match="no predictions for case2; expected a folder"):
        find_cases(truth, _tree(tmp_path / "p", "case1/a.png"))


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no case there; expected a folder per case"):
        find_cases(_tree(tmp_path / "t", "a.png"), _tree(tmp_path / "p", "a.png"))


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "a.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"a.png: cannot be read: not a picture"):
        read_grey(broken)


def test_a_cut_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    _write(path, np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(DatasetError, match=r"a.png: cannot be read"):
        read_grey(path)


def test_one_bit_colour_and_16_bit_pictures_read_as_grey(tmp_path: Path) -> None:
    mask = np.array([[True, False]])
    for name, levels in (
        ("bit", mask),
        ("colour", np.where(mask[..., None], 255, 0).repeat(3, -1).astype(np.uint8)),
        ("deep", np.where(mask, 65535, 0).astype(np.uint16)),
    ):
        path = tmp_path / f"{name}.png"
        _write(path, levels)
        assert read_grey(path).tolist() == [[255, 0]]


def test_doubling_interpolates_between_pixel_centres() -> None:
    row = resize_bilinear(np.array([[0, 100]], np.uint8), 1, 4)
    assert row.tolist() == [[0, 25, 75, 100]]


def test_halving_is_the_mean_of_four() -> None:
    grey = np.array([[0, 40], [80, 120]], np.uint8)
    assert resize_bilinear(grey, 1, 1).tolist() == [[60]]


def test_resizing_to_its_own_size_changes_nothing() -> None:
    grey = np.random.default_rng(1).integers(0, 256, (13, 17), dtype=np.uint8)
    np.testing.assert_array_equal(resize_bilinear(grey, 13, 17), grey)
