"""Memory of a process that runs one endless stream through real weights.

    python -m tests.bench.memory_growth [--weights W] [--steps 10000] [--size 64] [--json F]

The resident set is read every tenth of the run; the bank is full from step 175 on. `--size` runs
the weights on smaller frames, so that ten thousand steps take minutes.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time
from pathlib import Path

import torch

from sali_core.config import MemoryConfig
from sali_core.data.phantom import Phantom, PhantomConfig
from sali_core.model.build import create_network
from sali_core.stream.segmenter import StreamSegmenter
from sali_core.weights.registry import resolve_weights
from sali_core.weights.store import load_network


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="small-demo")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    trained, header = load_network(resolve_weights(arguments.weights))
    network = create_network(dataclasses.replace(header.config, input_size=arguments.size)).eval()
    network.load_state_dict(trained.state_dict())
    segmenter = StreamSegmenter(network, memory=MemoryConfig(), threshold=header.threshold)
    scene = PhantomConfig(width=arguments.size, height=arguments.size, seconds=8.0, seed=7)
    pictures = [Phantom(scene).render(i).image for i in range(0, 200, 4)]
    state = segmenter.initial_state()
    rows = []
    begin = time.perf_counter()
    for step in range(1, arguments.steps + 1):
        segmenter.step(state, pictures[step % len(pictures)])
        if step % max(arguments.steps // 10, 1) == 0:
            rows.append(
                {
                    "step": step,
                    "resident_mib": round(_resident_bytes() / 2**20, 1),
                    "frames_held": len(state.bank),
                    "seconds": round(time.perf_counter() - begin, 1),
                }
            )
            print(rows[-1], flush=True)
    text = json.dumps({"torch": torch.__version__, "rows": rows}, indent=2)
    if arguments.json:
        arguments.json.write_text(text + "\n")


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
