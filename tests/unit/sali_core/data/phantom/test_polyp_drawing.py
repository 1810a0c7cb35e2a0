from __future__ import annotations

import numpy as np
import pytest

from sali_core.data.phantom.lens import Lens
from sali_core.data.phantom.look import create_look
from sali_core.data.phantom.path import Pose
from sali_core.data.phantom.polyp_drawing import draw_polyp
from sali_core.data.phantom.polyps import Polyp
from sali_core.data.phantom.surface import Surface
from sali_core.data.phantom.texture import MucosaTexture

LOOK = create_look(0)
LENS = Lens(160, 120, 1, LOOK, border=False)
POSE = Pose(np.zeros(3), np.eye(3))
TEXTURE = MucosaTexture(0, LOOK, 256)
PLACES = [(0.0, 0.0, 2.0), (0.2, 0.1, 1.5), (0.9, 0.2, 1.0), (-0.7, 0.5, 0.5), (0.0, -0.4, 0.45)]


def sphere(centre: tuple[float, float, float], radius: float) -> Polyp:
    middle = np.array(centre)
    return Polyp(
        shape="sessile",
        centre=middle,
        reach=radius,
        root=middle,
        centres=middle[None],
        to_unit=np.eye(3)[None] / radius,
        is_head=np.array([True]),
        axes=np.eye(3)[[0, 1, 2]],
        tint=np.array([1.0, 0.7, 0.7]),
        roughness=1.0,
        blend=0.05,
    )


def wall(distance: float) -> Surface:
    count = LENS.rays.shape[1]
    return Surface(
        distance=np.full(count, distance, dtype=np.float32),
        directions=LENS.rays,
        normal=-LENS.rays,
        bump=np.zeros((3, count), dtype=np.float32),
        albedo=np.full((3, count), 0.5, dtype=np.float32),
        gloss=np.zeros(count, dtype=np.float32),
        shade=np.ones(count, dtype=np.float32),
        polyp=np.zeros(count, dtype=np.bool_),
    )


def angle_to(centre: tuple[float, float, float]) -> np.ndarray:
    towards = np.array(centre) / np.linalg.norm(centre)
    return np.arccos(np.clip(towards @ LENS.rays, -1.0, 1.0))


@pytest.mark.parametrize("place", PLACES)
def test_a_sphere_covers_exactly_the_rays_that_meet_it(place: tuple[float, float, float]) -> None:
    surface = wall(50.0)
    draw_polyp(surface, sphere(place, 0.3), POSE, LENS, TEXTURE, LOOK)
    wanted = angle_to(place) < np.arcsin(0.3 / np.linalg.norm(place))
    assert wanted.sum() > 100
    assert (surface.polyp != wanted).sum() <= 0.01 * wanted.sum()
    nearest = surface.distance[surface.polyp].min()
    assert nearest == pytest.approx(np.linalg.norm(place) - 0.3, abs=0.01)


def test_a_wall_in_front_hides_the_polyp() -> None:
    surface = wall(1.0)
    draw_polyp(surface, sphere((0.0, 0.0, 2.0), 0.3), POSE, LENS, TEXTURE, LOOK)
    assert not surface.polyp.any()
    assert np.all(surface.distance == 1.0)


def test_a_polyp_behind_the_camera_changes_nothing() -> None:
    surface = wall(2.0)
    draw_polyp(surface, sphere((0.0, 0.0, -0.8), 0.3), POSE, LENS, TEXTURE, LOOK)
    assert not surface.polyp.any()
    assert np.all(surface.shade == 1.0)


@pytest.mark.parametrize("place", PLACES[:4])
def test_its_shadow_fades_without_an_edge(place: tuple[float, float, float]) -> None:
    surface = wall(float(np.linalg.norm(place)))
    draw_polyp(surface, sphere(place, 0.3), POSE, LENS, TEXTURE, LOOK)
    shade = np.where(surface.polyp, np.nan, surface.shade).reshape(LENS.rows, LENS.columns)
    assert np.nanmin(shade) < 0.9
    assert np.nanmax(np.abs(np.diff(shade, axis=0))) < 0.08
    assert np.nanmax(np.abs(np.diff(shade, axis=1))) < 0.08


def test_normals_on_the_polyp_point_away_from_its_centre() -> None:
    place = (0.2, 0.1, 1.5)
    surface = wall(50.0)
    draw_polyp(surface, sphere(place, 0.3), POSE, LENS, TEXTURE, LOOK)
    points = surface.distance * surface.directions - np.array(place)[:, None]
    outward = np.einsum("cn,cn->n", points / 0.3, surface.normal)[surface.polyp]
    assert outward.min() > 0.99
