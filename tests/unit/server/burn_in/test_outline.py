from __future__ import annotations

import av
import numpy as np

from server.burn_in.outline import (
    YuvPicture,
    burn_outline,
    outline_width_px,
    rgb_to_yuv,
)
from server.masks.look import OUTLINE_RGB


def _grey(height: int, width: int) -> YuvPicture:
    return YuvPicture.from_rows(np.full((height * 3 // 2, width), 120, np.uint8))


def _line(picture: YuvPicture) -> tuple[np.ndarray, np.ndarray]:
    return np.nonzero(picture.y == rgb_to_yuv(OUTLINE_RGB, is_bt709=False)[0])


def test_the_outline_runs_along_the_edge_of_the_mask_and_leaves_the_rest() -> None:
    picture = _grey(240, 320)
    mask = np.zeros((352, 352), bool)
    mask[88:264, 88:264] = True  # rows 60..180, columns 80..240 of the picture
    burn_outline(picture, mask)
    rows, columns = _line(picture)
    assert (rows.min(), rows.max() + 1) == (59, 181)
    assert (columns.min(), columns.max() + 1) == (79, 241)
    assert (picture.y[64:176, 84:236] == 120).all()
    assert (picture.y[:56] == 120).all()
    assert (picture.u[32:88, 42:118] == 120).all()
    assert picture.u[29, 80] != 120


def test_the_mask_covers_its_region_only() -> None:
    picture = _grey(480, 640)
    mask = np.zeros((100, 100), bool)
    mask[50:, :50] = True
    burn_outline(picture, mask, (320, 80, 200, 400))
    rows, columns = _line(picture)
    assert abs(rows.min() - 280) <= 2
    assert rows.max() == 479
    assert columns.min() == 320, "nothing is drawn beyond the region"
    assert abs(columns.max() - 420) <= 2


def test_a_region_beyond_the_picture_is_cut() -> None:
    picture = _grey(64, 64)
    burn_outline(picture, np.ones((10, 10), bool), (40, 40, 60, 60))
    rows, columns = _line(picture)
    assert (rows.min(), columns.min()) == (40, 40)
    burn_outline(_grey(64, 64), np.ones((10, 10), bool), (100, 100, 60, 60))


def test_an_empty_mask_draws_nothing() -> None:
    picture = _grey(60, 80)
    burn_outline(picture, np.zeros((352, 352), bool))
    assert all((plane == 120).all() for plane in (picture.y, picture.u, picture.v))


def test_the_line_is_as_wide_as_the_viewers() -> None:
    assert [outline_width_px(height) for height in (240, 400, 720, 1080, 2160)] == [2, 3, 3, 4, 9]


def test_the_colour_comes_out_as_the_viewers() -> None:
    rows = np.full((96, 64), 120, np.uint8)
    picture = YuvPicture.from_rows(rows)
    picture.paint(np.ones((64, 64), bool), (0, 0), rgb_to_yuv(OUTLINE_RGB, is_bt709=False))
    rgb = av.VideoFrame.from_ndarray(rows, "yuv420p").to_ndarray(format="rgb24")
    assert np.abs(rgb[32, 32].astype(int) - OUTLINE_RGB).max() <= 3
