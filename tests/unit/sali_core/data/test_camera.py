from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from sali_core.data.camera import CameraPath, Excursion, create_path, find_empty_window
from sali_core.data.clips import film

TIMES = [-40.0, -20.0, -1.0, 0.0]


def _path(seed: int, **changes: object) -> CameraPath:
    path = create_path(torch.Generator().manual_seed(seed), start=-40.0)
    return replace(path, **changes)  # type: ignore[arg-type]  # fields by name


def _still_camera() -> CameraPath:
    """A camera and tissue at rest that see the whole picture."""
    return _path(
        0,
        centre=torch.zeros(2),
        scale=1.0,
        turn=0.0,
        tilt=torch.zeros(2),
        shape=torch.eye(2),
        sway=torch.zeros(6, 2, 3),
        fields=torch.zeros(2, 2, 5, 5),
    )


def _disc(x: Tensor, y: Tensor, at: tuple[float, float] = (0.1, -0.05), r: float = 0.35) -> Tensor:
    return (x - at[0]).square() + (y - at[1]).square() < r * r


def _picture(size: int = 400) -> Tensor:
    """A red disc on green with its mask, [4, size, size]."""
    line = (torch.arange(size) + 0.5) * 2 / size - 1
    inside = _disc(line[None, :], line[:, None]).float()
    return torch.stack((inside, 1 - inside, torch.zeros_like(inside), inside))


def _grown(mask: Tensor, pixels: int) -> Tensor:
    width = 2 * pixels + 1
    return torch.nn.functional.max_pool2d(mask.float(), width, 1, pixels) > 0


def _agree_within_a_pixel(one: Tensor, other: Tensor) -> bool:
    """Both [T, 1, S, S] bool; neither reaches more than one pixel beyond the other."""
    return not ((one & ~_grown(other, 1)) | (other & ~_grown(one, 1))).any()


@pytest.mark.parametrize("seed", range(12))
def test_picture_and_mask_of_a_known_shape_agree_within_a_pixel(seed: int) -> None:
    grids = _path(seed).grids(TIMES, 128)
    frames, masks = film(_picture(), grids, "zeros")
    mask = masks.bool()
    assert _agree_within_a_pixel(mask, frames[:, :1] > 0.5)
    # The same shape, worked out from the map alone.
    inside_picture = (grids.abs() < 1).all(-1)
    truth = (_disc(grids[..., 0], grids[..., 1]) & inside_picture)[:, None]
    assert _agree_within_a_pixel(mask, truth)
    assert _agree_within_a_pixel(truth, mask)


def test_a_camera_at_rest_sees_the_picture_as_it_is() -> None:
    picture = _picture(96)
    frames, masks = film(picture, _still_camera().grids([0.0, 7.0], 96), "zeros")
    assert torch.allclose(frames[0], picture[:3], atol=1e-4)
    assert torch.equal(masks[0], masks[1])


def test_the_parts_of_a_path_do_what_they_are_called() -> None:
    rest = _still_camera()
    corner = (slice(None), -1, -1)

    moved = replace(rest, centre=torch.tensor((0.3, -0.2))).grids([0.0], 64)
    assert torch.allclose(moved - rest.grids([0.0], 64), torch.tensor((0.3, -0.2)), atol=1e-5)
    zoomed = replace(rest, scale=0.5).grids([0.0], 64)
    assert torch.allclose(zoomed, 0.5 * rest.grids([0.0], 64), atol=1e-5)
    turned = replace(rest, turn=math.pi / 2).grids([0.0], 64)[corner]
    assert torch.allclose(turned, torch.tensor([[-63 / 64, 63 / 64]]), atol=1e-5)
    # Tilted about the vertical: the right edge shows less of the picture, the left more.
    tilted = replace(rest, tilt=torch.tensor((0.2, 0.0))).grids([0.0], 64)[0]
    assert tilted[-1, -1, 1] < 63 / 64 < tilted[-1, 0, 1]
    edge = 63 / 64
    assert float(tilted[-1, -1, 1]) == pytest.approx(edge / (1 + 0.2 * edge), abs=1e-4)


def test_the_map_hardly_depends_on_the_size_of_the_view() -> None:
    fine, coarse = (_path(3).grids(TIMES, size) for size in (256, 64))
    pooled = torch.nn.functional.avg_pool2d(fine.permute(0, 3, 1, 2), 4).permute(0, 2, 3, 1)
    pixel = 2 * _path(3).scale / 64
    assert float((pooled - coarse).abs().max()) < 0.5 * pixel


def test_tissue_deforms_more_and_more_along_a_clip() -> None:
    field = torch.rand((2, 2, 5, 5), generator=torch.Generator().manual_seed(0)) * 0.1
    soft = replace(_still_camera(), fields=torch.stack((field[0], torch.zeros(2, 5, 5))))
    rest = _still_camera().grids([0.0], 64)
    moved = [float((soft.grids([t], 64) - rest).abs().mean()) for t in (-40.0, -39.0, -30.0, 0.0)]
    assert moved[0] == 0
    assert moved[1] < moved[3]
    assert moved[3] > 0.02


def test_a_path_is_smooth() -> None:
    steps, leaps = [], []
    for seed in range(20):
        grids = _path(seed).grids(TIMES, 32)
        steps.append(float((grids[3] - grids[2]).abs().mean()))
        leaps.append(float((grids[3] - grids[0]).abs().mean()))
    assert max(steps) < 0.08
    assert sum(leaps) > 4 * sum(steps) > 0


def test_an_excursion_goes_there_and_back() -> None:
    away = Excursion((0.5, 0.5, 0.2), (10, 20, 30, 40))
    assert [away.share(t) for t in (0, 10, 15, 20, 25, 30, 35, 40, 90)] == pytest.approx(
        [0, 0, 0.5, 1, 1, 1, 0.5, 0, 0]
    )
    grids = replace(_still_camera(), excursion=away).grids([0.0, 25.0], 32)
    assert torch.allclose(grids[1].mean((0, 1)), torch.tensor((0.5, 0.5)), atol=1e-5)
    assert float(grids[1].abs().sub(0.5).abs().max()) <= 0.9 * 0.2


def test_an_empty_window_holds_no_polyp_and_a_full_picture_has_none() -> None:
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(100, 100)
    mask[:40, :40] = 1
    found = find_empty_window(mask, generator, tries=200)
    assert found is not None
    x, y, half = found
    rows = slice(max(int((y - half + 1) * 50), 0), int((y + half + 1) * 50))
    cols = slice(max(int((x - half + 1) * 50), 0), int((x + half + 1) * 50))
    assert not mask[rows, cols].any()
    assert find_empty_window(torch.ones(50, 50), generator) is None


def test_a_path_without_reach_sees_the_whole_picture_but_for_flips() -> None:
    line = torch.linspace(-1 + 1 / 64, 1 - 1 / 64, 64)
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    for seed in range(8):
        generator = torch.Generator().manual_seed(seed)
        grid = create_path(generator, start=-20.0, reach=0.0).grids([-20.0, 0.0], 64)
        for view in grid:
            torch.testing.assert_close(view[..., 0].abs(), columns.abs(), atol=1e-5, rtol=0)
            torch.testing.assert_close(view[..., 1].abs(), rows.abs(), atol=1e-5, rtol=0)


def test_reach_brings_a_path_closer_to_the_picture() -> None:
    def departure(seed: int, reach: float) -> float:
        generator = torch.Generator().manual_seed(seed)
        grid = create_path(generator, start=-20.0, reach=reach).grids([0.0], 32)[0]
        line = torch.linspace(-1 + 1 / 32, 1 - 1 / 32, 32)
        x, y = grid[..., 0].abs() - line.abs(), grid[..., 1].abs() - line.abs()[:, None]
        return float(x.abs().mean() + y.abs().mean())

    gentle, full = (sum(departure(seed, reach) for seed in range(12)) for reach in (0.25, 1.0))
    assert 0 < gentle < 0.5 * full
