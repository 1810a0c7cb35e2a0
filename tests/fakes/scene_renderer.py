"""Stands in for the renderer of the demo scene; seed 13 fails."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fakes.video_files import write_video


def main() -> int:
    """Write a short film and report progress like the real renderer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    for name in ("seconds", "seed", "width", "height", "fps"):
        parser.add_argument(f"--{name}", type=float, required=True)
    arguments = parser.parse_args()
    if arguments.seed == 13:
        print("out of paint", file=sys.stderr)
        return 1
    frames = round(arguments.seconds * arguments.fps)
    for number in range(1, frames + 1):
        print(f"frame {number}/{frames}", file=sys.stderr, flush=True)
    size = (int(arguments.width), int(arguments.height))
    write_video(arguments.out, frames=frames, size=size, fps=int(arguments.fps))
    return 0


if __name__ == "__main__":
    sys.exit(main())
