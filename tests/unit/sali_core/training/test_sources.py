from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sali_core.errors import ConfigError, DatasetError
from sali_core.training.sources import DataConfig, TrainingData, open_data
from tests.fakes.sun_seg_tree import write_case, write_stills, write_sun_seg


def _open(root: Path, **settings: object) -> TrainingData:
    config = DataConfig(root=str(root), **({"phantoms": 0} | settings))
    return open_data(config, size=32, seed=0, batch=2)


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_sun_seg_gives_clips_of_real_video(tmp_path: Path, frames: int) -> None:
    data = _open(write_sun_seg(tmp_path), clip_frames=frames, hold_back=0.0)
    assert data.pictures == 8
    assert data.validation is None
    rgb, masks = data.clips[3]
    assert rgb.shape == (frames, 3, 32, 32)
    assert masks.shape == (frames, 1, 32, 32)


def test_clips_of_one_polyp_are_held_back_together(tmp_path: Path) -> None:
    for case in ("case1_1", "case1_2", "case2_1", "case3_1", "case3_2"):
        write_case(tmp_path / "TrainDataset", case, 3)
    data = _open(tmp_path, hold_back=0.3)
    assert data.validation is not None
    assert (data.pictures, len(data.validation)) == (12, 3)  # case2_1 alone
    assert data.summary == "SUN-SEG: 4 clips, 12 frames; 1 clips held back"
    image, mask = data.validation.load(2)
    assert image.shape[:2] == mask.shape


def test_held_back_videos_are_one_set_of_pictures(tmp_path: Path) -> None:
    for case in ("case1_1", "case1_2", "case2_1"):
        write_case(tmp_path / "TrainDataset", case, 2)
    data = _open(tmp_path, hold_back=0.1)
    held = data.validation
    assert held is not None
    assert data.pictures + len(held) == 6
    shades = [round(float(held.load(k)[0].mean())) for k in range(len(held))]
    assert shades == [40, 50] * (len(held) // 2)
    with pytest.raises(DatasetError, match="no frame"):
        held.load(len(held))


def test_a_manifest_says_what_is_validated_on(tmp_path: Path) -> None:
    data = _open(write_stills(tmp_path, "name,split\na,train\nb,train\nc,val\n"))
    assert data.validation is not None
    assert (data.pictures, len(data.validation)) == (2, 1)
    assert data.clips[0].rgb.shape == (3, 3, 32, 32)


def test_without_a_val_split_some_stills_are_held_back(tmp_path: Path) -> None:
    plain = _open(write_stills(tmp_path / "plain"))
    assert plain.validation is not None
    assert (plain.pictures, len(plain.validation)) == (2, 1)
    all_train = write_stills(tmp_path / "all", "name,split\na,train\nb,train\nc,train\n")
    assert _open(all_train, hold_back=0.0).validation is None
    assert _open(all_train, hold_back=0.4).pictures == 2


def test_data_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no data to train on: give --data"):
        open_data(DataConfig(), size=32, seed=0, batch=2)
    with pytest.raises(DatasetError, match="no such folder"):
        _open(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"no SUN-SEG there.*nor images/ and masks/"):
        _open(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(DatasetError, match="images: no images"):
        _open(tmp_path)


def test_a_mask_of_another_size_is_named(tmp_path: Path) -> None:
    root = write_stills(tmp_path)
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(root / "masks" / "a.png")
    data = _open(root, hold_back=0.0)
    with pytest.raises(DatasetError, match=r"a\.png: mask is 5x5"):
        list(map(data.clips.__getitem__, range(3)))


def test_single_pictures_are_mixed_into_clips_from_stills_alone(tmp_path: Path) -> None:
    stills = write_stills(tmp_path / "stills", "name,split\na,train\nb,train\nc,val\n")
    clips = _open(stills, single_share=0.5).clips
    assert {clips[index].rgb.shape[:2] for index in range(16)} == {(3, 1), (1, 3)}
    with pytest.raises(ConfigError, match=r"single_share is for folders of stills.* holds videos"):
        _open(write_sun_seg(tmp_path / "videos"), single_share=0.5)
    with pytest.raises(ConfigError, match=r"single_share must be in \[0, 1\], got 2"):
        DataConfig(single_share=2)
