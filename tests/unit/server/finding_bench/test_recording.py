from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sali_core.data.phantom import Phantom, PhantomConfig
from sali_core.errors import ConfigError
from sali_core.stream.model import ModelInfo
from sali_core.types import StepResult
from server.finding_bench.recording import (
    choose_scenes,
    describe_regions,
    read_scenes,
    record_scenes,
)
from server.masks import rle

SIDE = 64


class SquareModel:
    """Finds the same square on every frame; counts its frames and its streams."""

    def __init__(self) -> None:
        self.info = ModelInfo("square", 0.5, (SIDE, SIDE))
        self.frames = 0
        self.streams = 0

    def initial_state(self) -> None:
        self.streams += 1

    def step(self, state: Any, rgb: npt.NDArray[np.uint8]) -> StepResult:
        self.frames += 1
        probability = np.full((SIDE, SIDE), 0.1, np.float32)
        probability[20:40, 10:50] = 0.8
        probability[25, 30] = 0.97
        return StepResult(probability, probability, probability > 0.5)

    def step_many(
        self, states: Sequence[Any], frames: Sequence[npt.NDArray[np.uint8]]
    ) -> list[StepResult]:
        return [self.step(state, frame) for state, frame in zip(states, frames, strict=True)]


SCENES = choose_scenes(minutes=0.1, first_seed=92_000, seconds=3.0, fps=10.0)


def ignore(what: str) -> None:
    pass


def test_every_second_scene_has_no_polyp() -> None:
    assert [(scene.seed, scene.polyps) for scene in SCENES] == [(92_000, True), (92_001, False)]
    assert len(choose_scenes(60, 1, 30, 25)) == 120


def test_what_was_found_and_what_was_there_is_read_back(tmp_path: Path) -> None:
    record_scenes(SquareModel(), SCENES, tmp_path, ignore)
    scenes = read_scenes(tmp_path)
    assert [scene.choice for scene in scenes] == list(SCENES)
    assert [len(scene.frames) for scene in scenes] == [30, 30]
    assert not any(frame.truth for frame in scenes[1].frames)
    phantom = Phantom(PhantomConfig(width=SIDE, height=SIDE, fps=10.0, seconds=3.0, seed=92_000))
    for index in (0, 29):
        shown, frame = phantom.render(index), scenes[0].frames[index]
        numbers, pixels = np.unique(shown.numbers[shown.numbers > 0], return_counts=True)
        assert frame.truth == dict(zip(numbers.tolist(), pixels.tolist(), strict=True))
        [region] = frame.regions
        assert (region.box, region.area_px, region.peak) == ((10, 20, 40, 20), 800, 0.97)
        assert rle.decode(frame.counts, SIDE, SIDE).sum() == 800
        inside = shown.numbers[20:40, 10:50]
        assert sum(region.touched.values()) == np.count_nonzero(inside)


def test_a_recording_goes_on_where_it_stopped(tmp_path: Path) -> None:
    record_scenes(SquareModel(), SCENES[:1], tmp_path, ignore)
    model, told = SquareModel(), list[str]()
    record_scenes(model, SCENES, tmp_path, told.append)
    assert (model.frames, model.streams, told) == (30, 1, ["scene 2 of 2"])


def test_another_networks_recording_is_not_mixed_in(tmp_path: Path) -> None:
    record_scenes(SquareModel(), SCENES[:1], tmp_path, ignore)
    other = SquareModel()
    other.info = replace(other.info, name="other")
    with pytest.raises(ConfigError, match="another network or length"):
        record_scenes(other, SCENES, tmp_path, ignore)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no recorded scenes"):
        read_scenes(tmp_path)
    (tmp_path / "scene-1-polyps.jsonl.gz").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="scene-1-polyps"):
        read_scenes(tmp_path)


def test_a_region_within_anothers_box_keeps_its_own_truth() -> None:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[10:40, 10:40] = True
    mask[14:36, 14:36] = False
    mask[20:30, 20:30] = True
    numbers = np.zeros((SIDE, SIDE), np.uint16)
    numbers[20:30, 20:30] = 3
    probability = np.where(mask, 0.9, 0.1).astype(np.float32)
    frame = describe_regions(StepResult(probability, probability, mask), numbers)
    assert [region.touched for region in frame.regions] == [{}, {3: 100}]
    assert frame.truth == {3: 100}
