"""How often an instrument in view is seen, and how often one that is not there (docs/view.md).

    python -m tests.bench.instrument_rates [--data FOLDER]

The stills were labelled by looking at each of them (tests/data/instrument_stills.txt). As in the
service, the endoscopic picture is found first. Clips go through the watch over time. Instruments
are drawn into the phantom.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from sali_core.data.phantom import Phantom, PhantomConfig
from server.media.instrument import has_instrument
from server.media.instrument_watch import InstrumentWatch
from server.media.picture_finder import find_picture
from tests.bench.view_rates import SHARED, SIZE, pictures_of
from tests.fakes.instruments import draw_instrument
from tests.fakes.tower_pictures import Pixels

LABELS = Path(__file__).parents[1] / "data" / "instrument_stills.txt"
_FINDER_SIDE = 300


def labelled_stills(data: Path) -> Iterator[tuple[str, Callable[[], Pixels]]]:
    """Yield the label of each still (`instrument`, `unclear`, `none`) and what loads it."""
    lines = [line.split() for line in LABELS.read_text().splitlines() if line[0] != "#"]
    labels = {name: label for label, name in lines}
    for path in sorted((data / "polyps" / "images").glob("*.jpg")):
        yield labels.get(path.stem, "none"), partial(_load, path)


def _load(path: Path) -> Pixels:
    """Return the endoscopic picture of a still at the model's size."""
    picture = Image.open(path).convert("RGB")
    step = max(1, round(max(picture.size) / _FINDER_SIDE))
    sighting = find_picture(np.asarray(picture)[::step, ::step])
    if sighting is not None:
        left, top, right, bottom = (round(step * edge) for edge in sighting.edges)
        picture = picture.crop((left, top, min(right, picture.width), min(bottom, picture.height)))
    return np.asarray(picture.resize(SIZE, Image.Resampling.BILINEAR))


def _stills(data: Path) -> None:
    seen: dict[tuple[str, str], list[bool]] = {}
    spent = 0.0
    for number, (label, load) in enumerate(labelled_stills(data)):
        pixels = load()
        begin = time.process_time()
        found = has_instrument(pixels)
        spent += time.process_time() - begin
        for half in ("all", ("even", "odd")[number % 2]):
            seen.setdefault((label, half), []).append(found)
    for (label, half), found_ones in sorted(seen.items()):
        print(f"stills, {label}, {half}: {sum(found_ones)} of {len(found_ones)}")
    print(f"ms of one look: {spent / len(seen['none', 'all']) * 1e3:.2f}")


def _clip(path: Path) -> None:
    watch, singly, told, frames = InstrumentWatch(), 0, 0, 0
    for rgb, time_s in pictures_of(path):
        watch.take(rgb, SIZE, time_s)
        singly += has_instrument(np.frombuffer(rgb, np.uint8).reshape(*SIZE, 3))
        told += watch.told
        frames += 1
    print(f"clip {path.name}: {frames} frames, {singly} singly, told on {told}")


def _phantom() -> None:
    plain = drawn = number = 0
    for seed in range(92_000, 92_008):
        scene = Phantom(PhantomConfig(width=SIZE[1], height=SIZE[0], seed=seed))
        for index in range(0, len(scene), 83):
            picture = scene.render(index).image
            plain += has_instrument(picture)
            drawn += has_instrument(draw_instrument(picture, number))
            number += 1
    print(f"phantom, {number} pictures: plain {plain}, with an instrument drawn {drawn}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED)
    data = parser.parse_args().data
    _stills(data)
    for path in sorted((data / "clips").glob("*.mpg")):
        _clip(path)
    _phantom()


if __name__ == "__main__":
    main()
