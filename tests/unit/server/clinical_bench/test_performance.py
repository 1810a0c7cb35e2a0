from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sali_core.data.stills import StillFolder
from sali_core.stream.model import ModelInfo
from sali_core.types import StepResult
from server.clinical_bench.performance import Share, score_pictures, score_video
from server.finding_bench.recording import FoundRegion, RecordedFrame, RecordedScene, SceneChoice
from server.findings.persistence import PersistenceRule

PICTURE_PX = 352 * 352


class _SeesWhite:
    """A model whose mask is wherever the picture is white."""

    info = ModelInfo(name="white", engine="test", reason="", input_size=(40, 40), threshold=0.5)

    def initial_state(self) -> None:
        return None

    def step(self, state: None, rgb: np.ndarray) -> StepResult:
        mask = rgb.min(axis=2) > 128
        values = mask.astype(np.float32)
        return StepResult(values, values, mask)


def _folder(tmp_path: Path) -> StillFolder:
    """Two labelled polyps, one of which is white, and a white spot that is none."""
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[2:10, 2:10] = picture[30:34, 30:34] = 255
    label = np.zeros((40, 40), np.uint8)
    label[2:10, 2:10] = label[20:28, 4:12] = 255
    Image.fromarray(picture).save(tmp_path / "images" / "a.png")
    Image.fromarray(label).save(tmp_path / "masks" / "a.png")
    return StillFolder(tmp_path, "val")


def test_polyps_found_and_regions_that_are_none_are_counted(tmp_path: Path) -> None:
    said: list[str] = []
    figures = score_pictures(_SeesWhite(), _folder(tmp_path), said.append)
    assert (figures.polyps_found.part, figures.polyps_found.whole) == (1, 2)
    assert figures.false_regions == 1
    assert figures.dice == pytest.approx(2 * 64 / (80 + 128), abs=1e-4)
    assert said == ["labelled pictures, 0 of 1"]


def _scene(found: str, truth: str) -> RecordedScene:
    """A letter a frame: `x` polyp 1 is found, `f` something else; `1` polyp 1 is there."""
    regions = {
        "x": (FoundRegion((100, 100, 60, 60), 3600, 0.9, 1.0, 0.99, {1: 3000}),),
        "f": (FoundRegion((250, 20, 40, 40), 1600, 0.8, 1.0, 0.99, {}),),
        ".": (),
    }
    frames = [
        RecordedFrame("clear", {1: 4000} if seen == "1" else {}, regions[mark], "0")
        for mark, seen in zip(found, truth, strict=True)
    ]
    return RecordedScene(
        "made-up", SceneChoice(1, True, len(found) / 25, 25.0), PICTURE_PX, tuple(frames)
    )


def test_frames_alarms_and_findings_of_a_video_are_told_apart() -> None:
    # 100 frames without a polyp, with two alarms; 20 with one, found on 15 of them, a frame late.
    found = "f" * 3 + "." * 47 + "f" * 20 + "." * 30 + "." + "x" * 15 + "." * 4
    truth = "." * 100 + "1" * 20
    figures = score_video([_scene(found, truth)], PersistenceRule(240, 0.66))
    assert (figures.frames_found.part, figures.frames_found.whole) == (15, 20)
    assert (figures.frames_clear.part, figures.frames_clear.whole) == (77, 100)
    assert figures.alarms_per_minute == pytest.approx(2 * 25 * 60 / 100)
    hours = 120 / 25 / 3600
    assert figures.findings.false_per_hour == pytest.approx(1 / hours, rel=1e-3), "the long one"
    assert figures.unfiltered.false_per_hour == pytest.approx(2 / hours, rel=1e-3)
    assert figures.findings.missed == 0
    assert figures.to_dict()["frames_found"]["value"] == 0.75


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = Share(9, 10).interval or (0, 0)
    assert (low, high) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert Share(0, 0).interval is None
    assert Share(0, 0).value is None
