from __future__ import annotations

import torch

from sali_core.data.clips import ClipDataset
from sali_core.data.mixed_clips import MixedClips
from tests.fakes.blobs import Blobs


def _mixed(share: float, seed: int = 0) -> MixedClips:
    clips = ClipDataset(Blobs(), [], size=32, seed=0, frames=3)
    singles = ClipDataset(Blobs(), [], size=32, seed=0, frames=1)
    return MixedClips(clips, singles, frames=3, batch=2, single_share=share, seed=seed)


def test_every_item_of_a_step_is_of_one_kind_and_of_as_many_frames() -> None:
    mixed = _mixed(0.5)
    kinds = set()
    for step in range(8):
        shapes = {mixed[2 * step + place].rgb.shape[:2] for place in range(2)}
        assert len(shapes) == 1
        kinds |= shapes
        single = mixed.takes_singles(step)
        assert shapes == {(3, 1) if single else (1, 3)}
    assert kinds == {(3, 1), (1, 3)}


def test_steps_of_clips_hold_the_clips_themselves() -> None:
    clips = ClipDataset(Blobs(), [], size=32, seed=0, frames=3)
    rgb, masks = _mixed(0.0)[5]
    assert torch.equal(rgb[0], clips[5].rgb)
    assert torch.equal(masks[0], clips[5].masks)


def test_steps_of_single_pictures_never_show_a_picture_twice() -> None:
    singles = ClipDataset(Blobs(), [], size=32, seed=0, frames=1)
    mixed = _mixed(1.0)
    got = torch.cat([mixed[index].rgb for index in range(4)])
    assert torch.equal(got, torch.stack([singles[index].rgb for index in range(12)]))


def test_which_steps_take_singles_depends_on_the_seed_and_follows_the_share() -> None:
    taken = [_mixed(0.7).takes_singles(step) for step in range(400)]
    assert taken == [_mixed(0.7).takes_singles(step) for step in range(400)]
    assert taken != [_mixed(0.7, seed=1).takes_singles(step) for step in range(400)]
    assert 0.6 < sum(taken) / 400 < 0.8
