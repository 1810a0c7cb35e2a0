from __future__ import annotations

import numpy as np
import pytest

from server.worker.components import MAX_POLYPS, find_polyps


def uniform(mask: np.ndarray, value: float) -> np.ndarray:
    return np.full(mask.shape, value, dtype=np.float32)


def test_an_empty_mask_has_no_polyps() -> None:
    mask = np.zeros((20, 30), dtype=np.bool_)
    regions = find_polyps(mask, uniform(mask, 0.2))
    assert regions.polyps == ()
    assert not regions.mask.any()


def test_box_area_and_score_are_those_of_the_region() -> None:
    mask = np.zeros((20, 30), dtype=np.bool_)
    mask[4:8, 10:15] = True
    probability = uniform(mask, 0.1)
    probability[4:8, 10:15] = 0.75
    probability[4:8, 10] = 1.0
    [polyp] = find_polyps(mask, probability).polyps
    assert polyp.box == (10, 4, 5, 4)
    assert polyp.area_px == 20
    assert polyp.score == pytest.approx(0.8, abs=1e-4)


def test_regions_come_largest_first_and_touch_at_corners() -> None:
    mask = np.zeros((20, 30), dtype=np.bool_)
    mask[0, 0] = mask[1, 1] = True
    mask[10:13, 10:13] = True
    mask[19, 29] = True
    assert [polyp.area_px for polyp in find_polyps(mask, uniform(mask, 0.9)).polyps] == [9, 2, 1]


def test_list_and_mask_agree_to_the_pixel_however_many_regions_there_are() -> None:
    mask = np.zeros((100, 100), dtype=np.bool_)
    mask[::4, ::4] = True
    mask[50:53, 50:53] = True
    regions = find_polyps(mask, uniform(mask, 0.9))
    assert len(regions.polyps) == MAX_POLYPS
    assert int(regions.mask.sum()) == sum(polyp.area_px for polyp in regions.polyps)
    assert regions.mask[51, 51]
    assert not (regions.mask & ~mask).any()


def test_a_mask_is_searched_wherever_it_lies() -> None:
    everywhere = np.ones((20, 30), dtype=np.bool_)
    [polyp] = find_polyps(everywhere, uniform(everywhere, 0.5)).polyps
    assert (polyp.box, polyp.area_px, polyp.score) == ((0, 0, 30, 20), 600, 0.5)
    corner = np.zeros((20, 30), dtype=np.bool_)
    corner[19, 29] = True
    [polyp] = find_polyps(corner, uniform(corner, 0.5)).polyps
    assert (polyp.box, polyp.area_px) == ((29, 19, 1, 1), 1)


def ellipse_mask(degrees: float) -> np.ndarray:
    y, x = np.mgrid[-60:61, -60:61]
    turn = np.deg2rad(degrees)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    return np.asarray((along / 50) ** 2 + (across / 12) ** 2 <= 1)


def solidity_of(mask: np.ndarray) -> float:
    [polyp] = find_polyps(mask, uniform(mask, 0.9)).polyps
    return polyp.solidity


@pytest.mark.parametrize("degrees", [0, 30, 45, 90])
def test_a_convex_region_is_solid_however_it_lies(degrees: float) -> None:
    assert solidity_of(ellipse_mask(degrees)) > 0.94


def test_what_an_edge_cuts_off_aslant_stays_solid() -> None:
    y, x = np.mgrid[:121, :121]
    cut = ellipse_mask(45) & (x + y > 130)
    assert solidity_of(cut) > 0.9


def test_a_region_of_one_pixel_or_one_line_is_solid() -> None:
    for rows, columns in ((slice(3, 4), slice(3, 4)), (slice(3, 4), slice(0, 9))):
        mask = np.zeros((20, 30), dtype=np.bool_)
        mask[rows, columns] = True
        assert solidity_of(mask) == 1.0


def test_a_region_with_bays_and_holes_is_not_solid() -> None:
    mask = np.zeros((40, 40), dtype=np.bool_)
    mask[5:35, 5:35] = True
    mask[10:30, 10:30] = False
    assert solidity_of(mask) == pytest.approx(1 - 400 / 900, abs=1e-4)
    mask[:, 20:] = False
    assert solidity_of(mask) == pytest.approx((30 * 15 - 20 * 10) / (30 * 15), abs=1e-4)
