from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sali_core.data.phantom import Phantom, PhantomConfig
from server.media.instrument import has_instrument
from server.media.instrument_watch import GONE_AFTER_S, TOLD_AFTER_S, InstrumentWatch
from tests.bench.instrument_rates import labelled_stills
from tests.fakes.instruments import draw_instrument
from tests.fakes.tower_pictures import Pixels

SHARED = Path(__file__).parents[5] / "shared" / "data"
SIDE = 352
FPS = 25


def _phantom(count: int) -> Iterator[Pixels]:
    for seed in range(92_000, 92_000 + count // 4):
        scene = Phantom(PhantomConfig(width=SIDE, height=SIDE, seed=seed))
        for index in range(0, 400, 100):
            yield scene.render(index).image


def test_an_instrument_drawn_into_the_phantom_is_seen_and_the_phantom_alone_is_none() -> None:
    pictures = list(_phantom(24))
    seen = [has_instrument(draw_instrument(p, seed)) for seed, p in enumerate(pictures)]
    assert sum(seen) >= 0.9 * len(seen)
    assert not any(has_instrument(picture) for picture in pictures)


def test_what_comes_from_above_is_no_instrument() -> None:
    picture = draw_instrument(next(_phantom(4)), 0)
    assert has_instrument(picture)
    assert not has_instrument(picture[::-1])


def test_pale_mucosa_is_greener_than_blue_and_no_instrument() -> None:
    picture = next(_phantom(4))
    sheath = draw_instrument(picture, 0)
    is_drawn = (sheath != picture).any(axis=2)
    sheath[is_drawn] = (250, 232, 205)
    assert not has_instrument(sheath)


@pytest.mark.parametrize("value", [0, 255, 128])
def test_a_picture_of_one_grey_is_no_instrument(value: int) -> None:
    assert not has_instrument(np.full((SIDE, SIDE, 3), value, np.uint8))


def test_pictures_of_other_sizes_are_judged_alike() -> None:
    picture = draw_instrument(next(_phantom(4)), 0)
    small = Image.fromarray(picture).resize((SIDE // 2, SIDE // 2), Image.Resampling.BILINEAR)
    assert has_instrument(np.asarray(small))


def test_real_stills_without_an_instrument_are_hardly_ever_called_one() -> None:
    if not (SHARED / "polyps").is_dir():
        pytest.skip("no stills here (../shared/data/polyps)")
    seen: dict[str, list[bool]] = {"instrument": [], "unclear": [], "none": []}
    for number, (label, load) in enumerate(labelled_stills(SHARED)):
        if label != "none" or number % 8 == 0:
            seen[label].append(has_instrument(load()))
    assert len(seen["none"]) > 150
    assert len(seen["instrument"]) == 41
    assert sum(seen["none"]) <= 0.02 * len(seen["none"])
    assert sum(seen["instrument"]) >= 0.5 * len(seen["instrument"])


@pytest.fixture(scope="module")
def pair() -> tuple[bytes, bytes]:
    """A picture without and with an instrument."""
    plain = next(_phantom(4))
    return plain.tobytes(), draw_instrument(plain, 0).tobytes()


def _told(watch: InstrumentWatch, pictures: list[bytes], start: int = 0) -> list[bool]:
    told = []
    for number, rgb in enumerate(pictures, start):
        watch.take(rgb, (SIDE, SIDE), number / FPS)
        told.append(watch.told)
    return told


def test_what_is_seen_for_a_while_is_told_and_ends_when_it_has_gone(
    pair: tuple[bytes, bytes],
) -> None:
    plain, instrument = pair
    told = _told(InstrumentWatch(), [instrument] * 25 + [plain] * 40)
    assert told.index(True) / FPS == pytest.approx(TOLD_AFTER_S, abs=0.05)
    last = len(told) - 1 - told[::-1].index(True)
    assert (last - 24) / FPS == pytest.approx(GONE_AFTER_S, abs=0.25)


def test_a_glimpse_is_not_told(pair: tuple[bytes, bytes]) -> None:
    plain, instrument = pair
    assert not any(_told(InstrumentWatch(), [plain] * 5 + [instrument] * 8 + [plain] * 20))


def test_a_picture_without_it_now_and_then_does_not_end_it(pair: tuple[bytes, bytes]) -> None:
    plain, instrument = pair
    watch = InstrumentWatch()
    assert _told(watch, [instrument] * 15)[-1]
    assert all(_told(watch, [plain] * 12 + [instrument] * 6 + [plain] * 12, start=15))


def test_another_source_begins_without_one(pair: tuple[bytes, bytes]) -> None:
    watch = InstrumentWatch()
    _told(watch, [pair[1]] * 15)
    watch.restart()
    assert not watch.told
    watch.take(pair[0], (SIDE, SIDE), 0.0)
    assert not watch.told
