"""How many masks are drawn on a wrong frame over bad networks: 0 of 100,000 pictures is the goal.

    python -m tests.bench.lossy_frames [--frames 100000] [--fps 60] [--seed 1] [--json FILE]

Publisher, service and browser are those of tests/e2e/test_lossy_frames.py; every picture is read
off the viewer's own canvas. Prints where it stands every ten seconds and ends with what it has when
it is interrupted or its time is over. The exit status is 1 if a mask was wrong. FILE is a list:
several runs, each with a seed of its own, add up.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from sali_core.bench.machine import describe_machine
from tests.e2e.browser import open_page
from tests.e2e.lossy_room import Conditions, Figures, Room, Viewer, open_room
from tests.fakes.lossy_path import Weather

_PROGRESS_S = 10


def run(room: Room, viewer: Viewer, frames: int, seconds: float) -> Figures:
    """Watch until so many pictures were shown, the time is over or somebody interrupts.

    A publisher whose connection the path has ended publishes anew, as an encoder would.
    """
    start = time.monotonic()
    figures = viewer.figures()
    try:
        while figures.shown < frames and time.monotonic() - start < seconds:
            before = figures.shown
            figures = viewer.wait_until(lambda f: f.shown >= frames, _PROGRESS_S)
            if figures.shown == before:
                print("nothing was shown: publishing anew", flush=True)
                room.publish()
            print(
                f"{time.monotonic() - start:6.0f} s  shown {figures.shown}  with mask"
                f" {figures.masks}  wrong {figures.wrong}  without {figures.unmasked}",
                flush=True,
            )
    except KeyboardInterrupt:
        print("interrupted")
    return figures


def report(room: Room, figures: Figures, seconds: float) -> dict[str, Any]:
    """Everything there is to know of a run."""
    publisher = room.publisher
    paths = {"ingest": publisher.path if publisher else None, "egress": room.egress_paths[-1]}
    return {
        "seconds": round(seconds, 1),
        "published": publisher.track.published if publisher else 0,
        **figures.as_dict(),
        "conditions": repr(room.conditions),
        "paths": {
            name: {direction: vars(tally) for direction, tally in path.tallies.items()}
            for name, path in paths.items()
            if path is not None
        },
        "viewer_connections": len(room.egress_paths),
        "session": room.session()["counters"],
    }


def main() -> None:
    """Run from the command line."""
    # Started in the background of a script, Python does not listen to SIGINT by itself.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=100_000, help="pictures to show")
    parser.add_argument("--minutes", type=float, default=60, help="stop after so long")
    parser.add_argument("--fps", type=float, default=60)
    parser.add_argument("--frames-a-size", type=int, default=500, help="until the next size")
    parser.add_argument("--loss", type=float, default=0.05)
    parser.add_argument("--jitter-ms", type=float, default=200)
    parser.add_argument("--reorder", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--examples", type=Path, default=Path("runs/lossy-frames"), help="folder for wrong pictures"
    )
    parser.add_argument(
        "--takes-slices",
        action="store_true",
        help="the browser decodes keyframes whose parameter sets are missing, as Chromium does",
    )
    parser.add_argument("--json", type=Path, help="add the figures to the list in this file")
    arguments = parser.parse_args()
    weather = Weather(arguments.loss, arguments.jitter_ms, reorder=arguments.reorder)
    conditions = Conditions(
        weather,
        weather,
        fps=arguments.fps,
        frames_a_size=arguments.frames_a_size,
        seed=arguments.seed,
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        open_room(Path(folder), conditions) as room,
        open_page() as page,
    ):
        viewer = room.watch(page, takes_slices=arguments.takes_slices)
        viewer.wait_for_masks()
        start = time.monotonic()
        figures = run(room, viewer, arguments.frames, arguments.minutes * 60)
        result = report(room, figures, time.monotonic() - start)
        for picture in viewer.save_examples(arguments.examples):
            print(f"as it was drawn: {picture}")
    print(json.dumps(result, indent=1))
    if arguments.json is not None:
        result["machine"] = asdict(describe_machine(torch.device("cpu"), sys.argv))
        file: Path = arguments.json
        runs = json.loads(file.read_text()) if file.exists() else []
        file.write_text(json.dumps([*runs, result], indent=1) + "\n")
    sys.exit(1 if figures.wrong or figures.unclear else 0)


if __name__ == "__main__":
    main()
