from __future__ import annotations

import math

import pytest
import torch

from sali_core.data import augment


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("sigma", [0.5, 1.5, 3.0, 7.0])
def test_a_blur_spreads_a_dot_as_a_gaussian(sigma: float) -> None:
    frames = torch.zeros(1, 3, 96, 96)
    frames[..., 48:52, 48:52] = 1 / 16  # wide blurs work on blocks of this size
    spread = augment.blur(frames, sigma)[0, 0]
    assert float(spread.sum()) == pytest.approx(1, abs=0.02)
    place = torch.arange(96.0)
    mean = float((spread.sum(0) * place).sum() / spread.sum())
    variance = float((spread.sum(0) * (place - mean).square()).sum() / spread.sum())
    assert mean == pytest.approx(49.5, abs=0.05)
    assert math.sqrt(variance - 15 / 12) == pytest.approx(sigma, rel=0.12)
    assert spread.allclose(spread.T, atol=1e-5)


def test_an_even_picture_stays_even_under_every_blur() -> None:
    frames = torch.full((2, 3, 31, 47), 0.4)
    for changed in (augment.blur(frames, 1.0), augment.blur(frames, 9.0),
                    augment.smear(frames, 11, 1.0)):  # fmt: skip
        assert changed.shape == frames.shape
        assert torch.allclose(changed, frames, atol=1e-5)


def test_a_smear_goes_along_its_angle() -> None:
    frames = torch.zeros(1, 3, 41, 41)
    frames[..., 20, 20] = 1
    level = augment.smear(frames, 10, 0.0)[0, 0]
    assert (level > 0).sum(0).tolist() == [0] * 15 + [1] * 11 + [0] * 15
    upright = augment.smear(frames, 10, math.pi / 2)[0, 0]
    assert torch.allclose(upright, level.T)


def test_exposure_differs_by_frame() -> None:
    frames = augment.vary_exposure(torch.full((40, 3, 4, 4), 0.5), _generator())
    gains = frames[:, 0, 0, 0] / 0.5
    assert len(gains.unique()) == 40
    assert 0.69 < float(gains.min()) < float(gains.max()) < 1.31
    assert float((gains - 1).abs().median()) < 0.07


def test_glare_is_white_small_and_moves() -> None:
    before = torch.full((3, 3, 128, 128), 0.3)
    after = augment.add_glare(before, _generator(1))
    assert float(before.max()) == pytest.approx(0.3)
    lit = after[:, 0] > 0.5
    assert 0 < float(lit.float().mean()) < 0.05
    assert not torch.equal(lit[0], lit[1])


def test_glare_at_the_edge_does_no_harm() -> None:
    for seed in range(30):
        assert augment.add_glare(torch.zeros(2, 3, 12, 9), _generator(seed)).shape == (2, 3, 12, 9)


def test_noise_has_the_strength_asked_for() -> None:
    noisy = augment.add_noise(torch.full((1, 3, 200, 200), 0.5), _generator(), 0.02)
    assert float(noisy.std()) == pytest.approx(0.02, rel=0.05)
    assert float(noisy.mean()) == pytest.approx(0.5, abs=0.001)


def test_uint8_is_rounded_and_clipped() -> None:
    values = torch.tensor([-0.2, 0.0, 0.5, 1.0, 1.3])
    assert augment.to_uint8(values).tolist() == [0, 0, 128, 255, 255]
