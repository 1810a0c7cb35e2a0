"""How often what the picture shows is misjudged (docs/view.md), and what looking costs.

    python -m tests.bench.view_rates [--data FOLDER] [--json FILE]

Real clips go through the finder of the endoscopic picture and the watch over time, as in the
service. Stills are looked at one by one, also spoilt and in narrow band colours. Rooms and tower
pictures are made up: no real ones are at hand.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from PIL import Image

from sali_core.data.phantom import Phantom, PhantomConfig
from sali_core.data.spoiling import Defect, Spoiler
from server.media.cropper import Cropper, rgb_rows
from server.media.region import AUTO
from server.media.region_watch import RegionWatch
from server.media.view import View
from server.media.view_glance import glance
from server.media.view_watch import ViewLimits, ViewWatch
from tests.fakes.rooms import ROOMS, narrow_band, render_room
from tests.fakes.tower_pictures import BLANK, NO_SIGNAL, TEST_PICTURES, Pixels

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
SIZE = (352, 352)
_ROOM_SEEDS = 20


def look(pixels: Pixels) -> View:
    return glance(pixels[4::8, 4::8].astype(np.int16))


def pictures_of(path: Path) -> Iterator[tuple[memoryview | bytes, float]]:
    """The model's pictures of a clip, and their times, s."""
    regions, cropper = RegionWatch(AUTO), Cropper(SIZE)
    with av.open(str(path)) as clip:
        rate = float(clip.streams.video[0].average_rate or 25)
        for number, frame in enumerate(clip.decode(video=0)):
            regions.take(frame, (frame.width, frame.height), number / rate)
            if regions.region is not None:
                yield rgb_rows(cropper.crop(frame, regions.region)), number / rate


def rates_of_clip(path: Path) -> dict[str, Any]:
    watch = ViewWatch(ViewLimits())
    glances: Counter[str] = Counter()
    withheld = frames = 0
    stillest, still_s, longest_s, before = 1e9, 0.0, 0.0, None
    for rgb, time_s in pictures_of(path):
        watch.take(rgb, SIZE, time_s)
        pixels = np.frombuffer(rgb, np.uint8).reshape(*SIZE, 3)
        cells = pixels[4::8, 4::8].astype(np.int16)
        glances[glance(cells).value] += 1
        frames += 1
        withheld += not watch.view.has_masks
        if before is not None:
            share = float((np.abs(cells - before).max(axis=2) > 2).mean())
            stillest = min(stillest, share)
            still_s = still_s + 0.04 if share < 0.01 else 0.0
            longest_s = max(longest_s, still_s)
        before = cells
    return {
        "frames": frames, "glances": dict(glances), "frames without masks": withheld,
        "least share of cells that change": round(stillest, 4),
        "longest unchanged s": round(longest_s, 2),
    }  # fmt: skip


def stills(folder: Path, every: int = 1) -> Iterator[Pixels]:
    for path in sorted(folder.glob("*.jpg"))[::every]:
        yield np.asarray(Image.open(path).convert("RGB").resize(SIZE, Image.Resampling.BILINEAR))


def spoilt(pixels: Pixels, defect: Defect, seed: int) -> Pixels:
    frame = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
    generator = torch.Generator().manual_seed(seed)
    bad = Spoiler(defect, generator).spoil(frame, [0.0])[0]
    return (bad.clamp(0, 1) * 255).byte().permute(1, 2, 0).numpy()


def count(views: Iterator[View]) -> dict[str, int]:
    return dict(Counter(view.value for view in views))


def measure(data: Path) -> dict[str, Any]:
    folder = data / "polyps" / "images"
    found: dict[str, Any] = {}
    for clip in sorted((data / "clips").glob("*.mpg")):
        found[f"clip {clip.name}"] = rates_of_clip(clip)
    found["stills"] = count(look(pixels) for pixels in stills(folder))
    for defect in Defect:
        views = (look(spoilt(p, defect, n)) for n, p in enumerate(stills(folder, 8)))
        found[f"stills, {defect.value}"] = count(views)
    for kind in ("nbi", "bli", "pale"):
        views = (look(narrow_band(p, kind)) for p in stills(folder, 4))
        found[f"stills, made up {kind}"] = count(views)
    found["phantom"] = count(
        look(scene.render(number).image)
        for scene in (Phantom(PhantomConfig(width=352, height=352, seed=s)) for s in range(3))
        for number in range(0, 1000, 50)
    )
    for name, room in ROOMS.items():
        views = (look(render_room(room, SIZE, seed)) for seed in range(_ROOM_SEEDS))
        found[f"made-up room, {name}"] = count(views)
    for name, draw in {**TEST_PICTURES, **NO_SIGNAL, **BLANK}.items():
        found[f"tower, {name}"] = look(draw(SIZE)).value
    return found


def cost_ms(data: Path) -> dict[str, float]:
    """Processor time of one look, ms."""
    body = next(stills(data / "polyps" / "images"))
    scenes = {"body": body, "narrow band": narrow_band(body, "bli")}
    scenes["room"] = render_room(ROOMS["gloves"], SIZE, 1)
    found = {}
    for name, pixels in scenes.items():
        watch, rgb = ViewWatch(ViewLimits()), pixels.tobytes()
        begin = time.process_time()
        for number in range(300):
            watch.take(rgb, SIZE, number * 0.04)
        found[name] = round((time.process_time() - begin) / 300 * 1e3, 3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = measure(arguments.data) | {"ms of one look": cost_ms(arguments.data)}
    for name, value in found.items():
        print(f"{name}: {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
