"""Memory and step time of a process that runs one endless stream through real weights.

    python -m tests.bench.memory_growth [--weights W] [--engine E] [--steps 10000] [--size 64]
        [--rounds 200] [--json F]

The resident set is read every tenth of the run; the bank is full from step 175 on. Then a young
stream of 200 steps, which saw the same pictures, and the old one take turns: what a step costs
at step 10,000 beside step 200, on a machine that is busy in the same way for both. `--size` runs
the weights on smaller frames, so that ten thousand steps take minutes.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from sali_core.bench.machine import describe_machine
from sali_core.data.phantom import Phantom, PhantomConfig
from sali_core.engine import Engine, create_engine
from sali_core.model.build import create_network
from sali_core.weights.registry import resolve_weights
from sali_core.weights.store import load_network, save_weights

YOUNG_STEPS = 200


class Walk:
    """One stream that goes through the same pictures again and again."""

    def __init__(
        self,
        engine: Engine,
        pictures: Sequence[npt.NDArray[np.uint8]],
        clock: Callable[[], float] = time.process_time,
    ) -> None:
        self._engine, self._pictures, self._clock = engine, pictures, clock
        self.state = engine.initial_state()

    def step(self) -> float:
        """Take one step; return the time it took, of this process on processors, in ms."""
        begin = self._clock()
        picture = self._pictures[self.state.frames_seen % len(self._pictures)]
        self._engine.step(self.state, picture)
        return (self._clock() - begin) * 1e3


def compare_ages(old: Walk, young: Walk, rounds: int) -> dict[str, float]:
    """Step both in turns; return medians and means in ms, and the ratio of the medians."""
    times: tuple[list[float], list[float]] = ([], [])
    begins = old.state.frames_seen, young.state.frames_seen
    for _ in range(rounds):
        for walk, taken in zip((old, young), times, strict=True):
            taken.append(walk.step())
    late, early = statistics.median(times[0]), statistics.median(times[1])
    return {
        "old_from_step": begins[0],
        "young_from_step": begins[1],
        "rounds": rounds,
        "old_ms": round(late, 3),
        "young_ms": round(early, 3),
        "old_mean_ms": round(statistics.fmean(times[0]), 3),
        "young_mean_ms": round(statistics.fmean(times[1]), 3),
        "ratio": round(late / early, 3),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    given = _parse(words)
    machine = describe_machine(
        torch.device("cpu"), ["python", "-m", "tests.bench.memory_growth", *words]
    )
    engine = create_small_engine(given.weights, given.engine, given.size)
    scene = PhantomConfig(width=given.size, height=given.size, seconds=8.0, seed=7)
    pictures = [Phantom(scene).render(i).image for i in range(0, 200, 4)]
    old, rows = Walk(engine, pictures), []
    begin = time.perf_counter()
    for step in range(1, given.steps + 1):
        old.step()
        if step % max(given.steps // 10, 1) == 0:
            rows.append(
                {
                    "step": step,
                    "resident_mib": round(_resident_bytes() / 2**20, 1),
                    "frames_held": len(old.state.bank),
                    "seconds": round(time.perf_counter() - begin, 1),
                }
            )
            print(rows[-1], flush=True)
    young = Walk(engine, pictures)
    for _ in range(YOUNG_STEPS):
        young.step()
    ages = compare_ages(old, young, given.rounds)
    print(ages)
    if given.json:
        about = {"machine": machine.to_dict(), "engine": engine.info.engine, "size_px": given.size}
        report = about | {"rows": rows, "step_time": ages}
        given.json.write_text(json.dumps(report, indent=2) + "\n")


def create_small_engine(weights: str, engine: str, size: int) -> Engine:
    """Start an engine of the CPU that runs weights on frames of another size."""
    trained, header = load_network(resolve_weights(weights))
    config = dataclasses.replace(header.config, input_size=size)
    network = create_network(config).eval()
    network.load_state_dict(trained.state_dict())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.safetensors"
        save_weights(path, network, dataclasses.replace(header, config=config))
        return create_engine(path, "cpu", engine=engine)


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--weights", default="small-demo")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=200, help="of turns, old and young")
    parser.add_argument("--json", type=Path)
    return parser.parse_args(words)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
