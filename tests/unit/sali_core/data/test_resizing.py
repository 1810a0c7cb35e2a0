from __future__ import annotations

import numpy as np
import pytest

from sali_core.data.resizing import resize_map, resize_picture


def test_a_picture_of_the_wanted_size_is_unchanged() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (352, 352, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize_picture(picture, 352), picture)
    np.testing.assert_array_equal(resize_picture(picture, (352, 352)), picture)


def test_a_picture_is_stretched_to_height_and_width() -> None:
    picture = np.zeros((10, 20, 3), np.uint8)
    picture[:, 10:] = 200
    small = resize_picture(picture, (5, 8))
    assert small.shape == (5, 8, 3)
    assert (small[:, :3] == 0).all()
    assert (small[:, 5:] == 200).all()


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    inner = resize_picture(stripes, 16)[2:-2, 2:-2]
    assert np.abs(inner.astype(int) - 100).max() <= 2


def test_a_map_keeps_its_level_and_its_places() -> None:
    values = np.linspace(0, 1, 8, dtype=np.float32)[None].repeat(4, 0)
    wide = resize_map(values, (12, 32))
    assert wide.shape == (12, 32)
    assert wide.mean() == pytest.approx(0.5, abs=1e-6)
    assert (np.diff(wide, axis=1) >= 0).all()
