from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from sali_core.data.spoiling import Defect, Spoiler
from server.media.picture_quality import Poor, judge_quality
from server.media.quality_watch import TOLD_AFTER_S, QualityWatch
from tests.fakes.tower_pictures import Pixels

STILLS = Path(__file__).parents[5] / "shared" / "data" / "polyps" / "images"
SIZE = (352, 352)
FPS = 25


def _tissue(seed: int = 0) -> np.ndarray:
    """Texture of every scale, lit from the left, in [0, 1]."""
    rng = np.random.default_rng(seed)
    layers = [ndimage.gaussian_filter(rng.normal(size=SIZE), s) * s for s in (0.7, 2, 6, 20)]
    light = np.linspace(0.5, 0.9, SIZE[1])[None, :] + 0.08 * sum(layers)
    return np.clip(light[..., None] * np.array([0.85, 0.45, 0.35]), 0, 1)


def _shown(light: np.ndarray) -> Pixels:
    return (255 * np.clip(light, 0, 1)).astype(np.uint8)


def test_a_sharp_picture_in_good_light_will_do() -> None:
    assert judge_quality(_shown(_tissue())) is None


def test_a_picture_out_of_focus_is_blurred() -> None:
    assert judge_quality(_shown(ndimage.gaussian_filter(_tissue(), (6, 6, 0)))) is Poor.BLUR


@pytest.mark.parametrize("axis", [0, 1])
def test_motion_along_one_direction_blurs_too(axis: int) -> None:
    assert judge_quality(_shown(ndimage.gaussian_filter1d(_tissue(), 8, axis=axis))) is Poor.BLUR


def test_a_picture_with_little_light_is_dark_however_sharp() -> None:
    assert judge_quality(_shown(0.3 * _tissue())) is Poor.DARK


def test_a_picture_with_too_much_light_is_washed_out() -> None:
    assert judge_quality(_shown(2.4 * _tissue() + 0.15)) is Poor.WASHED_OUT


def test_pictures_of_other_sizes_are_judged_alike() -> None:
    small = ndimage.zoom(_tissue(), (0.5, 0.5, 1), order=1)
    assert judge_quality(_shown(small)) is None
    blurred = ndimage.gaussian_filter(small, (3, 3, 0))
    assert judge_quality(_shown(blurred)) is Poor.BLUR


def _stills(every: int) -> list[Pixels]:
    if not STILLS.is_dir():
        pytest.skip("no stills here (../shared/data/polyps)")
    return [
        np.asarray(Image.open(path).convert("RGB").resize(SIZE, Image.Resampling.BILINEAR))
        for path in sorted(STILLS.glob("*.jpg"))[::every]
    ]


def test_real_stills_are_hardly_ever_poor() -> None:
    found = [judge_quality(pixels) for pixels in _stills(16)]
    assert sum(poor is not None for poor in found) <= 0.02 * len(found)


@pytest.mark.parametrize(
    ("defect", "poor", "share"),
    [(Defect.DEFOCUS, Poor.BLUR, 0.95), (Defect.DARK, Poor.DARK, 0.95),
     (Defect.WASHED_OUT, Poor.WASHED_OUT, 0.5), (Defect.SMEAR, Poor.BLUR, 0.4)],
)  # fmt: skip
@pytest.mark.hazard("H13")
def test_spoilt_stills_are_poor(defect: Defect, poor: Poor, share: float) -> None:
    found = []
    for number, pixels in enumerate(_stills(40)):
        frame = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
        spoiler = Spoiler(defect, torch.Generator().manual_seed(number))
        bad = spoiler.spoil(frame, [0.0])[0].clamp(0, 1)
        found.append(judge_quality((bad * 255).byte().permute(1, 2, 0).numpy()))
    assert found.count(poor) >= share * len(found), found


@pytest.mark.hazard("H13")
def test_people_are_told_what_lasts_and_each_picture_is_judged_alone() -> None:
    watch = QualityWatch()
    good = _shown(_tissue()).tobytes()
    dark = _shown(0.3 * _tissue()).tobytes()
    told, judged = [], []
    for number in range(60):
        picture = dark if number == 5 or 20 <= number < 40 else good
        judged.append(watch.take(picture, SIZE, number / FPS))
        told.append(watch.told)
    assert [n for n, poor in enumerate(judged) if poor] == [5, *range(20, 40)]
    lasting = [n for n, poor in enumerate(told) if poor is Poor.DARK]
    wait = round(TOLD_AFTER_S * FPS)
    assert lasting == pytest.approx(range(20 + wait, 40 + wait), abs=1)
    watch.take(dark, SIZE, 3.0)
    watch.restart()
    assert watch.told is None
