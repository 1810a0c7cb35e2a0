from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sali_core.errors import ConfigError, DatasetError
from sali_core.evaluation.evaluator import EvaluationSettings, evaluate_maps


def _write_case(
    root: Path, name: str, truths: list[np.ndarray], maps: list[np.ndarray]
) -> tuple[Path, Path]:
    for kind, pictures in (("gt", truths), ("pred", maps)):
        folder = root / kind / name
        folder.mkdir(parents=True)
        for number, picture in enumerate(pictures):
            Image.fromarray(picture).save(folder / f"{number:03}.png")
    return root / "gt", root / "pred"


def _square(left: int = 4, size: int = 24) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    mask[4:12, left : left + 8] = 255
    return mask


def _random_tree(root: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(0)
    folders = (root, root)
    for name in ("case1", "case2", "case10"):
        truths = [_square(k) for k in range(5)]
        maps = [rng.integers(0, 256, (24, 24), dtype=np.uint8) for _ in range(5)]
        folders = _write_case(root, name, truths, maps)
    return folders


def test_the_first_and_last_frame_do_not_count(tmp_path: Path) -> None:
    bad, good = np.zeros((24, 24), np.uint8), _square()
    gt, pred = _write_case(tmp_path, "c", [good] * 4, [bad, good, good, bad])
    by_protocol = evaluate_maps(gt, pred, EvaluationSettings())
    assert by_protocol.frames == 2
    assert by_protocol.official()["Smeasure"] == pytest.approx(1)
    assert by_protocol.further()["dice"] == pytest.approx(0.5)
    every = evaluate_maps(gt, pred, EvaluationSettings(keep_ends=True))
    assert every.frames == 4
    assert every.official()["Smeasure"] < 0.9


def test_a_missing_first_prediction_costs_no_other_frame(tmp_path: Path) -> None:
    good = _square()
    gt, pred = _write_case(tmp_path, "c", [good] * 4, [good] * 4)
    (pred / "c/000.png").unlink()
    evaluation = evaluate_maps(gt, pred, EvaluationSettings())
    assert evaluation.frames == 2
    assert evaluation.notes == ("c: no prediction of its first frame, left out",)


def test_several_processes_give_the_figures_of_one(tmp_path: Path) -> None:
    gt, pred = _random_tree(tmp_path)
    seen: list[tuple[int, int]] = []
    alone = evaluate_maps(gt, pred, EvaluationSettings(), workers=1)
    several = evaluate_maps(
        gt, pred, EvaluationSettings(), workers=2, progress=lambda *step: seen.append(step)
    )
    assert several.official() == alone.official()
    assert several.further() == alone.further()
    assert [case.name for case in several.cases] == ["case1", "case2", "case10"]
    assert seen == [(0, 15), (5, 15), (10, 15), (15, 15)]


def test_an_unreadable_map_is_named_from_another_process_too(tmp_path: Path) -> None:
    gt, pred = _random_tree(tmp_path)
    (pred / "case2/002.png").write_bytes(b"?")
    with pytest.raises(DatasetError, match=r"case2/002.png: cannot be read"):
        evaluate_maps(gt, pred, EvaluationSettings(), workers=2)


def test_a_map_of_other_size_is_resized_to_the_truth(tmp_path: Path) -> None:
    small = np.array(Image.fromarray(_square()).resize((12, 12), Image.Resampling.BOX))
    gt, pred = _write_case(tmp_path, "c", [_square()] * 3, [small] * 3)
    assert evaluate_maps(gt, pred, EvaluationSettings()).further()["dice"] > 0.95


def test_a_truth_that_changes_size_within_a_case_is_named(tmp_path: Path) -> None:
    truths = [_square(), _square(), _square(size=32)]
    gt, pred = _write_case(tmp_path, "c", truths, truths)
    with pytest.raises(DatasetError, match=r"002.png: masks of one video differ in size"):
        evaluate_maps(gt, pred, EvaluationSettings())


def test_a_case_of_two_frames_is_refused_with_the_way_out(tmp_path: Path) -> None:
    gt, pred = _write_case(tmp_path, "c", [_square()] * 2, [_square()] * 2)
    with pytest.raises(DatasetError, match=r"c: nothing to score in 2 frames.*--keep-ends"):
        evaluate_maps(gt, pred, EvaluationSettings())
    assert evaluate_maps(gt, pred, EvaluationSettings(keep_ends=True)).frames == 2


def test_the_threshold_is_of_the_map_as_it_is(tmp_path: Path) -> None:
    """Level 100 of 255 is below one half, although stretching would make it the maximum."""
    faint = (_square() // 255 * 100).astype(np.uint8)
    gt, pred = _write_case(tmp_path, "c", [_square()] * 3, [faint] * 3)
    assert evaluate_maps(gt, pred, EvaluationSettings()).further()["dice"] == 0
    at_level = evaluate_maps(gt, pred, EvaluationSettings(threshold=100 / 255))
    assert at_level.further()["dice"] == 1


def test_alarms_delay_and_misses_of_two_videos(tmp_path: Path) -> None:
    empty, polyp = np.zeros((24, 24), np.uint8), _square()
    truths = [empty, empty, polyp, polyp, polyp]
    _write_case(tmp_path, "a", truths, [polyp, empty, empty, polyp, polyp])
    gt, pred = _write_case(tmp_path, "b", [empty, polyp, polyp], [empty] * 3)
    figures = evaluate_maps(gt, pred, EvaluationSettings(fps=10)).further()
    assert figures["polyp_free_frames"] == 3
    assert figures["false_alarms"] == 1
    assert figures["false_alarms_per_minute"] == pytest.approx(1 / (3 / 10 / 60))
    assert (figures["appearances"], figures["appearances_missed"]) == (2, 1)
    assert figures["first_detection_delay_frames"] == 1
    assert figures["first_detection_delay_s"] == pytest.approx(0.1)


def test_figures_the_data_cannot_tell_are_none(tmp_path: Path) -> None:
    empty = np.zeros((24, 24), np.uint8)
    gt, pred = _write_case(tmp_path, "c", [empty] * 3, [empty] * 3)
    figures = evaluate_maps(gt, pred, EvaluationSettings()).further()
    assert figures["first_detection_delay_s"] is None
    assert figures["dice_with_polyp"] is None
    assert figures["false_alarms_per_minute"] == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [("threshold", 0.0), ("threshold", 1.1), ("fps", 0.0), ("alarm_area", 2.0)],
)
def test_settings_out_of_range_are_refused_by_name(setting: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{setting} is {value}; it must be"):
        EvaluationSettings(**{setting: value})
