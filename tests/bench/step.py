"""Speed of one step of the small profile with a full bank, each form beside its naive twin.

    python -m tests.bench.step [--weights W] [--json F]

Weights and frames are the same for both; forms take turns, so that a busy machine hurts both alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor

from sali_core.bench.machine import describe_machine
from sali_core.config import MemoryConfig
from sali_core.data.phantom import Phantom, PhantomConfig
from sali_core.engine import Engine, create_engine
from sali_core.memory.bank import MemoryBank
from sali_core.model.alignment import deform_conv3x3
from sali_core.model.readout import read_memory
from sali_core.types import Projection

SIZES = ((44, 44), (22, 22), (11, 11))


def compare(ours: Callable[[], Any], naive: Callable[[], Any], rounds: int) -> dict[str, float]:
    """Time both in turns; medians in ms and naive / ours."""
    ours(), naive()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for form, taken in zip((ours, naive), times, strict=True):
            begin = time.perf_counter()
            form()
            taken.append((time.perf_counter() - begin) * 1e3)
    mine, theirs = statistics.median(times[0]), statistics.median(times[1])
    return {
        "ours_ms": round(mine, 2),
        "naive_ms": round(theirs, 2),
        "ratio": round(theirs / mine, 2),
    }


def bench_alignment(rounds: int) -> dict[str, float]:
    """Deformable convolution: bilinear samplings against torchvision's operator."""
    x, offsets = torch.randn(1, 32, 44, 44), torch.randn(1, 18, 44, 44)
    weight, bias = torch.randn(32, 32, 3, 3), torch.randn(32)
    return compare(
        lambda: deform_conv3x3(x, offsets, weight, bias),
        lambda: torchvision.ops.deform_conv2d(x, offsets, weight, bias, padding=1),
        rounds,
    )


def bench_read(rounds: int) -> dict[str, float]:
    """A read of 35 frames whose polyp covers 5 %: collapsed tokens against the full affinity."""
    frames = MemoryConfig().capacity_frames
    torch.manual_seed(0)
    mask = torch.zeros(352, 352, dtype=torch.bool)
    mask[100:179, 100:179] = True
    bank = MemoryBank(MemoryConfig())
    written = [_projection() for _ in range(frames)]
    for index, projection in enumerate(written):
        bank.write(index, projection, mask)
    query = _projection()
    keys, values = [], []
    for scale, size in enumerate(SIZES):
        p = torch.nn.functional.interpolate(mask[None, None].float(), size, mode="area")
        k = torch.stack([w.keys[scale] * p for w in written], 1)[0]
        keys.append(k.movedim(1, -1).reshape(-1, 8))
        v = torch.stack([w.values[scale] for w in written], 1)[0]
        values.append(v.movedim(1, -1).reshape(-1, 16))

    def naive() -> list[Tensor]:
        out = []
        for k, v, q in zip(keys, values, query.keys, strict=True):
            cells = q[0].flatten(1).T
            scores = (2 * cells @ k.T - k.square().sum(1)) / 8**0.5
            out.append(torch.softmax(scores, 1) @ v)
        return out

    def ours() -> list[Tensor]:
        return [
            read_memory(t, k, v)
            for t, k, v in zip(bank.tokens, query.keys, query.values, strict=True)
        ]

    error = max(
        float((a[0, :16].flatten(1).T - b).abs().max())
        for a, b in zip(ours(), naive(), strict=True)
    )
    return compare(ours, naive, rounds) | {"max_difference": error}


def _projection() -> Projection:
    keys = tuple(torch.randn(1, 8, *size) for size in SIZES)
    values = tuple(torch.randn(1, 16, *size) for size in SIZES)
    return Projection(keys, values)  # type: ignore[arg-type]


def bench_step(weights: str, rounds: int) -> dict[str, float]:
    """A whole step with a full bank: the picked CPU engine against eager torch."""
    phantom = Phantom(PhantomConfig(width=352, height=352, seconds=8.0, seed=7))
    pictures = [phantom.render(i).image for i in range(0, len(phantom), 4)]
    memory = MemoryConfig(write_every_frames=1)
    engines = [
        create_engine(weights, "cpu", engine=kind, memory=memory) for kind in ("auto", "eager")
    ]
    states = [engine.initial_state() for engine in engines]
    error = 0.0
    for picture in [*pictures, *pictures][:40]:  # fills the bank
        both = [e.step(s, picture) for e, s in zip(engines, states, strict=True)]
        error = max(error, float(np.abs(both[0].logits - both[1].logits).max()))

    def form(engine: Engine, state: Any) -> Callable[[], Any]:
        return lambda: engine.step(state, pictures[state.frames_seen % len(pictures)])

    return compare(form(engines[0], states[0]), form(engines[1], states[1]), rounds) | {
        "max_difference": error
    }


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="small-demo")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    # Before this work adds to the load.
    machine = describe_machine(torch.device("cpu"), ["python", "-m", "tests.bench.step"])
    with torch.inference_mode():
        results = {
            "deformable_convolution": bench_alignment(arguments.rounds),
            "memory_read_full_bank": bench_read(arguments.rounds),
            "step_full_bank_writing_each_frame": bench_step(arguments.weights, arguments.rounds),
        }
    print(json.dumps(results, indent=2))
    if arguments.json:
        report = {"machine": machine.to_dict()} | results
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
