from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from sali_core.data.stills import StillFolder
from sali_core.engine.image_model import ImageModel
from sali_core.errors import ConfigError
from sali_core.evaluation.network_report import ReportPlan, report_network
from sali_core.stream.model import ModelInfo

SIZE = 64
PLAN = ReportPlan(phantom_minutes=0.02, crop_frames=4, video_stills=2, video_frames=60, stretches=2)


@pytest.fixture
def stills(tmp_path: Path) -> StillFolder:
    """Four grey pictures, a blue 'polyp' in the upper left corner of each."""
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("name", "dataset", "split"))
        for k in range(4):
            image = np.full((80, 100, 3), 120, np.uint8)
            mask = np.zeros((80, 100), np.uint8)
            mask[5:25, 5:30] = 255
            image[mask > 0] = (0, 0, 255)
            Image.fromarray(image).save(tmp_path / f"images/p{k}.png")
            Image.fromarray(mask).save(tmp_path / f"masks/p{k}.png")
            rows.writerow((f"p{k}", "one" if k < 1 else "two", "val"))
    return StillFolder(tmp_path, "val")


def _model(function: object, size: tuple[int, int] = (SIZE, SIZE)) -> ImageModel:
    return ImageModel(function, ModelInfo("test", 0.5, size), mean=(0, 0, 0), std=(1, 1, 1))  # type: ignore[arg-type]


def _blue(x: Tensor) -> Tensor:
    return 50 * (x[:, 2:] - x[:, :1] - 0.5)


def _always(x: Tensor) -> Tensor:
    return torch.ones_like(x[:, :1])


def test_a_model_that_finds_everything_and_nothing_else(stills: StillFolder) -> None:
    seen: set[str] = set()
    figures = report_network(_model(_blue), stills, PLAN, lambda part, *_: seen.add(part))
    json.dumps(figures)
    single = figures["single_frames"]
    assert single["all"]["dice"] > 0.97
    assert {k: v["pictures"] for k, v in single.items()} == {"all": 4, "one": 1, "two": 3}
    assert figures["false_alarms"]["phantom"] == {
        "alarms": 0,
        "minutes": 0.02,
        "per_minute": 0.0,
    }
    assert figures["false_alarms"]["crops"]["alarms"] == 0
    clean = figures["videos_from_stills"]["clean"]
    assert clean["dice_inside_stretches"] is None
    assert clean["dice_outside_stretches"] > 0.9
    spoilt = figures["videos_from_stills"]["with_bad_stretches"]
    assert spoilt["dice_inside_stretches"] < spoilt["dice_outside_stretches"]
    assert len(seen) == 5


def test_a_model_that_always_sees_a_polyp_alarms_once_a_video(stills: StillFolder) -> None:
    figures = report_network(_model(_always), stills, PLAN, lambda *_: None)
    assert figures["false_alarms"]["phantom"]["alarms"] == 1
    crops = figures["false_alarms"]["crops"]
    # A run counts once: one alarm for each crop filmed.
    assert crops["alarms"] == round(crops["minutes"] * 60 * PLAN.fps / PLAN.crop_frames) > 0
    assert figures["single_frames"]["all"]["iou"] < 0.1


def test_an_oblong_input_is_refused(stills: StillFolder) -> None:
    with pytest.raises(ConfigError, match="square input, the model wants 64x48"):
        report_network(_model(_blue, (48, 64)), stills, PLAN, lambda *_: None)
