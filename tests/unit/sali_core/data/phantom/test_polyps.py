from __future__ import annotations

import numpy as np
import pytest

from sali_core.data.phantom.look import create_look
from sali_core.data.phantom.polyps import Polyp, create_polyps
from sali_core.data.phantom.tube import Tube


def grow(seed: int, seconds: float = 300.0) -> tuple[Tube, list[Polyp]]:
    look = create_look(seed)
    tube = Tube(seed, look)
    return tube, create_polyps(seed, look, tube, seconds)


def test_scenes_hold_every_shape_in_several_sizes() -> None:
    polyps = [polyp for seed in range(3) for polyp in grow(seed)[1]]
    assert {polyp.shape for polyp in polyps} == {"sessile", "flat", "lobed", "pedunculated"}
    reaches = np.array([polyp.reach for polyp in polyps])
    assert np.quantile(reaches, 0.9) > 1.8 * np.quantile(reaches, 0.1)


def test_only_pedunculated_polyps_have_a_stalk() -> None:
    for polyp in grow(1)[1]:
        assert polyp.is_head.any()
        assert polyp.is_head.all() == (polyp.shape != "pedunculated")


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_polyps_grow_out_of_the_wall_and_leave_the_lumen_open(seed: int) -> None:
    tube, polyps = grow(seed)
    for polyp in polyps:
        root = polyp.root
        aside = root[:2] - tube.centre(root[2])
        psi = np.float32(np.arctan2(aside[1], aside[0]))
        radius = tube.lookup(np.array([root[2]], dtype=np.float32), np.array([psi]))[0, 0]
        assert np.hypot(*aside) == pytest.approx(radius, abs=0.15)
        to_root = np.linalg.norm(polyp.centres - root, axis=1)
        assert to_root.min() < 0.6
        assert polyp.reach < 0.9


def test_a_longer_scene_has_the_same_polyps_and_more() -> None:
    short = {tuple(polyp.root) for polyp in grow(2, 30.0)[1]}
    long = {tuple(polyp.root) for polyp in grow(2, 120.0)[1]}
    assert short < long
