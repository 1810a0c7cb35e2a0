from __future__ import annotations

import numpy as np
import pytest

from sali_core.data.phantom.effects import FULL_SCALE, defocus, enlarge, sharpen, smear


def spot(height: int = 21, width: int = 31) -> np.ndarray:
    picture = np.zeros((3, height, width), dtype=np.float32)
    picture[:, height // 2, width // 2] = 1.0
    return picture


def test_smear_spreads_along_the_motion_and_keeps_the_light() -> None:
    smeared = smear(spot(), 6.0, 0.0)
    assert smeared.sum() == pytest.approx(3.0, rel=1e-5)
    rows, columns = np.nonzero(smeared[0])
    assert set(rows) == {10}
    assert columns.max() - columns.min() == 6


def test_motion_below_half_a_pixel_changes_nothing() -> None:
    picture = spot()
    assert smear(picture, 0.3, 0.3) is picture


def test_defocus_spreads_both_ways_and_keeps_the_light() -> None:
    blurred = defocus(spot(), 2)
    assert blurred.sum() == pytest.approx(3.0, rel=1e-3)
    assert np.allclose(blurred[0], blurred[0][::-1, ::-1], atol=1e-5)
    assert blurred.max() < 0.1


def test_sharpening_leaves_flat_areas_alone() -> None:
    flat = np.full((3, 9, 9), 0.4, dtype=np.float32)
    assert np.allclose(sharpen(flat, 0.8), 0.4, atol=1e-6)


def test_sharpening_steepens_an_edge_and_stays_in_range() -> None:
    edge = np.clip((np.arange(12, dtype=np.float32) - 4.0) / 3.0, 0.0, 1.0)
    picture = np.broadcast_to(0.2 + 0.6 * edge, (3, 9, 12)).copy()
    sharp = sharpen(picture, 0.8)
    assert np.ptp(sharp[0, 4]) > np.ptp(picture[0, 4])
    bright = sharpen(spot(), 0.8)
    assert bright.min() == 0.0
    assert bright.max() == 1.0


@pytest.mark.parametrize("size", [(10, 14), (9, 13)])
def test_enlarging_a_ramp_gives_a_ramp(size: tuple[int, int]) -> None:
    height, width = size
    rows, columns = -(-height // 2), -(-width // 2)
    ramp = np.broadcast_to(np.linspace(0.0, 1.0, columns), (1, rows, columns)).astype(np.float32)
    full = enlarge(ramp, 2, height, width)
    assert full.shape == (1, height, width)
    inner = full[0, :, 1 : 2 * columns - 2].astype(int)
    steps = np.diff(inner, axis=1)
    assert np.all(np.abs(steps - FULL_SCALE / (2 * (columns - 1))) < 20)
    assert np.array_equal(full[0, 0], full[0, -1])


def test_enlarging_cuts_off_what_is_out_of_range() -> None:
    picture = np.array([[[-0.5, 2.0]]], dtype=np.float32)
    full = enlarge(picture, 1, 1, 2)
    assert full.tolist() == [[[0, FULL_SCALE]]]
