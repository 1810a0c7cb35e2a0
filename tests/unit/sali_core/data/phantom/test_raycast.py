from __future__ import annotations

import numpy as np
import pytest

from sali_core.data.phantom.lens import Lens
from sali_core.data.phantom.look import create_look
from sali_core.data.phantom.path import CameraPath
from sali_core.data.phantom.raycast import TubeCaster
from sali_core.data.phantom.tube import Tube

SEEDS = [0, 3, 11]


def outside(tube: Tube, points: np.ndarray) -> np.ndarray:
    """Distance beyond the wall of points [3, N]; negative inside the lumen."""
    aside = points[:2] - tube.centre(points[2]).T
    psi = np.arctan2(aside[1], aside[0]).astype(np.float32)
    radius = tube.lookup(points[2].astype(np.float32), psi)[0]
    return np.hypot(aside[0], aside[1]) - radius


@pytest.fixture(params=SEEDS)
def cast(request: pytest.FixtureRequest):
    look = create_look(request.param)
    tube = Tube(request.param, look)
    pose = CameraPath(request.param, look, tube, np.zeros((0, 3))).pose(5.0)
    lens = Lens(96, 72, 1, look, border=False)
    rays = pose.rotation.astype(np.float32) @ lens.rays
    hits = TubeCaster(tube, 192, 224).cast(pose.position, rays)
    return tube, pose, rays, hits


def test_rays_end_on_the_wall(cast) -> None:
    tube, pose, rays, hits = cast
    near = hits.distance < 6.0
    ends = pose.position[:, None] + hits.distance * rays
    error = np.abs(outside(tube, ends.astype(np.float64)))[near]
    assert near.mean() > 0.6
    assert np.median(error) < 0.01
    assert np.quantile(error, 0.95) < 0.05


def test_nothing_solid_lies_before_the_end_of_a_ray(cast) -> None:
    tube, pose, rays, hits = cast
    reach = np.minimum(hits.distance, 6.0)
    for share in np.linspace(0.05, 0.95, 19):
        points = pose.position[:, None] + share * reach * rays
        deep = outside(tube, points.astype(np.float64)) > 0.06
        assert deep.mean() < 0.01, f"walls were passed at {share:.2f} of the way"


def test_normals_are_unit_vectors_that_face_the_camera(cast) -> None:
    _, _, rays, hits = cast
    assert np.allclose(np.linalg.norm(hits.normal, axis=0), 1.0, atol=1e-4)
    facing = -np.einsum("cn,cn->n", hits.normal, rays)
    near = hits.distance < 4.0
    assert (facing[near] > -0.1).mean() > 0.95


def test_neighbouring_azimuths_meet_without_a_seam() -> None:
    look = create_look(1)
    tube = Tube(1, look)
    position = np.append(tube.centre(4.0), 4.0)
    turn = np.pi + np.array([-2e-3, 2e-3])
    rays = np.stack([np.cos(turn), np.sin(turn), np.ones(2)]) / np.sqrt(2.0)
    hits = TubeCaster(tube, 192, 224).cast(position, rays.astype(np.float32))
    assert hits.distance[0] == pytest.approx(hits.distance[1], abs=0.02)
