"""What one picture shows, on test pictures, made-up rooms, the phantom and real stills."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sali_core.data.phantom import Phantom, PhantomConfig
from server.media.view import View
from server.media.view_glance import glance
from tests.fakes.rooms import ROOMS, narrow_band, render_room
from tests.fakes.tower_pictures import BLANK, NO_SIGNAL, TEST_PICTURES, Pixels

STILLS = Path(__file__).parents[5] / "shared" / "data" / "polyps" / "images"
SIZE = (352, 352)


def look(pixels: Pixels) -> View:
    return glance(pixels[4::8, 4::8].astype(np.int16))


def coded(pixels: Pixels, noise: float, seed: int = 3) -> Pixels:
    """The picture as an analogue input or a coarse codec hands it on."""
    rough = pixels + np.random.default_rng(seed).normal(0, noise, pixels.shape)
    return np.clip(rough, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", TEST_PICTURES)
@pytest.mark.parametrize("noise", [0.0, 1.0])
@pytest.mark.hazard("H8")
def test_a_test_picture_is_recognised(name: str, noise: float) -> None:
    assert look(coded(TEST_PICTURES[name](SIZE), noise)) is View.BARS


@pytest.mark.parametrize("name", NO_SIGNAL)
@pytest.mark.parametrize("noise", [0.0, 1.0])
@pytest.mark.hazard("H8")
def test_a_screen_without_signal_is_recognised(name: str, noise: float) -> None:
    assert look(coded(NO_SIGNAL[name](SIZE), noise)) is View.NO_SIGNAL


@pytest.mark.parametrize("name", BLANK)
@pytest.mark.parametrize("noise", [0.0, 1.0])
@pytest.mark.hazard("H8")
def test_a_blank_picture_is_recognised(name: str, noise: float) -> None:
    assert look(coded(BLANK[name](SIZE), noise)) is View.BLANK


@pytest.mark.parametrize("name", [name for name in ROOMS if name != "skin and drape"])
@pytest.mark.hazard("H8")
def test_a_made_up_room_is_outside_the_body(name: str) -> None:
    seen = [look(render_room(ROOMS[name], SIZE, seed)) for seed in range(6)]
    assert seen == [View.OUT_OF_BODY] * len(seen)


def test_a_view_with_much_skin_is_taken_for_mucosa_rather_than_the_other_way_round() -> None:
    seen = {look(render_room(ROOMS["skin and drape"], SIZE, seed)) for seed in range(6)}
    assert seen == {View.IN_BODY, View.OUT_OF_BODY}


@pytest.mark.parametrize("colour", [(190, 60, 50), (230, 140, 120), (120, 30, 20)])
@pytest.mark.hazard("H10")
def test_a_lens_on_the_mucosa_shows_one_red_and_is_in_the_body(
    colour: tuple[int, int, int],
) -> None:
    assert look(np.full((*SIZE, 3), colour, np.uint8)) is View.IN_BODY


def test_a_dark_lumen_is_in_the_body() -> None:
    rng = np.random.default_rng(1)
    dim = np.clip(rng.normal(22, 9, (*SIZE, 1)) * [1.4, 0.8, 0.6], 0, 60).astype(np.uint8)
    assert look(dim) is View.IN_BODY


def test_the_phantom_is_in_the_body() -> None:
    for seed in range(4):
        scene = Phantom(PhantomConfig(width=352, height=352, seconds=4.0, seed=seed))
        seen = {look(scene.render(number).image) for number in (0, 30, 60, 90)}
        assert seen == {View.IN_BODY}


def _stills() -> list[Path]:
    if not STILLS.is_dir():
        pytest.skip("no stills here (../shared/data/polyps)")
    return sorted(STILLS.glob("*.jpg"))


def _load(path: Path) -> Pixels:
    return np.asarray(Image.open(path).convert("RGB").resize(SIZE, Image.Resampling.BILINEAR))


@pytest.mark.hazard("H10")
def test_no_still_of_two_data_sets_is_taken_for_anything_but_the_body() -> None:
    seen = {path.stem: look(_load(path)) for path in _stills()}
    others = {name: view for name, view in seen.items() if view is not View.IN_BODY}
    assert len(seen) == 1612
    assert others == {}


@pytest.mark.parametrize("kind", ["nbi", "bli", "pale"])
@pytest.mark.hazard("H10")
def test_narrow_band_colours_are_hardly_ever_taken_for_a_room(kind: str) -> None:
    seen = [look(narrow_band(_load(path), kind)) for path in _stills()[::16]]
    withheld = sum(not view.has_masks for view in seen)
    assert withheld <= 0.02 * len(seen), f"{withheld} of {len(seen)}"
