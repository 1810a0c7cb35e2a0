from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sali_core.data.spoiling import Defect, Spoiler, create_spoiler


def _frames() -> Tensor:
    """Fine stripes with a black border."""
    frames = torch.zeros(2, 3, 64, 64)
    frames[:, :, 8:-8, 8:-8] = 0.35
    frames[:, :, 8:-8, 8:-8:2] = 0.45
    return frames


def _spoilt(defect: Defect, seed: int = 0) -> Tensor:
    return Spoiler(defect, torch.Generator().manual_seed(seed)).spoil(_frames(), [0.0, 1.0])


@pytest.mark.parametrize("defect", Defect)
def test_every_frame_is_spoilt_and_the_input_kept(defect: Defect) -> None:
    spoilt = _spoilt(defect)
    assert spoilt.shape == _frames().shape
    assert float(spoilt.min()) >= 0
    assert float(spoilt.max()) <= 1
    assert ((spoilt - _frames()).abs().mean((1, 2, 3)) > 0.005).all()
    assert not torch.equal(spoilt[0], spoilt[1])


def _contrast(frames: Tensor) -> float:
    """How much neighbouring columns differ inside the picture."""
    inner = frames[..., 20:44, 20:44]
    return float((inner[..., 1:] - inner[..., :-1]).abs().mean())


def test_defocus_takes_the_detail() -> None:
    assert _contrast(_spoilt(Defect.DEFOCUS)) < 0.1 * _contrast(_frames())


def test_darkness_darkens_and_washing_out_brightens_all_but_the_border() -> None:
    assert float(_spoilt(Defect.DARK)[..., 32, 32].max()) < 0.2
    washed = _spoilt(Defect.WASHED_OUT)
    assert float(washed[..., 32, 32].min()) > 0.6
    assert float(washed[..., 2, 2].max()) == 0


def test_all_defects_are_drawn_and_a_seed_gives_the_same() -> None:
    drawn = [create_spoiler(torch.Generator().manual_seed(seed)).defect for seed in range(60)]
    assert set(drawn) == set(Defect)
    assert torch.equal(_spoilt(Defect.FOAM, 3), _spoilt(Defect.FOAM, 3))
