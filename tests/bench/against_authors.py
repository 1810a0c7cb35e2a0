"""Speed and results of our engine beside the authors' form of the same network.

    python -m tests.bench.against_authors [--weights W | --profile P] [--device D]
        [--engine E] [--precision P] [--batch 1,2,4] [--bank 35] [--json F]

Both run in the same process on the same frames, weights and device, and take turns once their
banks are full. Differences are to the authors' form in float32. Needs torch, torchvision, timm,
numpy, scipy and safetensors; OpenVINO where it is there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sali_core.bench.frames import BenchFrames
from sali_core.bench.machine import describe_machine
from sali_core.bench.networks import save_random_weights
from sali_core.config import MemoryConfig, get_profile
from sali_core.engine import create_engine
from sali_core.engine.device import pick_device
from sali_core.errors import ConfigError, SaliError
from sali_core.stream.masking import MaskRule
from sali_core.stream.model import StreamModel
from sali_core.weights.registry import resolve_weights
from sali_core.weights.store import load_network
from tests.bench.authors import AuthorsForm
from tests.bench.comparison import Comparison

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Settings:
    """What to compare.

    Attributes:
        weights: A shipped name or a file; None: random weights of `profile`.
        profile: Named profile; None with `weights`.
        seed: Of random weights.
        device: `auto`, `cpu`, `cuda`, `cuda:N`.
        engine: Of ours.
        precision: Of both; differences are to the authors' form in float32 all the same.
        batches: Streams that ours steps together.
        bank: Frames of a full bank.
        write_every: A frame enters memory every so many, in both.
        rounds: Of turns, at most.
        seconds: For the turns of one batch size.
        slowest_ms: After a batch whose step takes longer, no larger one is tried.
    """

    weights: str | None = None
    profile: str | None = None
    seed: int = 0
    device: str = "auto"
    engine: str = "auto"
    precision: str = "float32"
    batches: tuple[int, ...] = (1,)
    bank: int = 35
    write_every: int = 1
    rounds: int = 20
    seconds: float = 60.0
    slowest_ms: float = math.inf


def compare(settings: Settings, command: Sequence[str]) -> dict[str, Any]:
    """Run and return plain JSON values.

    Raises:
        ConfigError: A setting cannot be used.
        CheckpointError: The weights cannot be used.
        OutOfMemoryError: Of torch, before the first batch size was measured; later ones end there.
    """
    device = pick_device(settings.device)
    machine = describe_machine(device, command)  # before this work adds to its load
    precision = PRECISIONS[settings.precision]
    memory = MemoryConfig(settings.bank, settings.write_every)
    with weights_file(settings) as path:
        engine = create_engine(
            path, settings.device, engine=settings.engine, precision=settings.precision,
            memory=memory,
        )  # fmt: skip
        network, header = load_network(path)
    rule = MaskRule(header.threshold, header.peak_threshold)
    config = network.config
    authors = AuthorsForm(config, network.state_dict(), rule, memory=memory, device=device)
    frames = BenchFrames(config.input_size)
    fill_steps = (settings.bank - 1) * settings.write_every + 1
    comparison = Comparison(authors, frames, fill_steps)
    if precision != torch.float32:
        comparison.lower_to(precision)
    rows, ended = _rows(comparison, engine, settings)
    return {
        "weights": header.name,
        "topology": config.topology,
        "backbone": config.backbone,
        "input_size": config.input_size,
        "device": str(device),
        "engine": engine.info.engine,
        "reason": engine.info.reason,
        "precision": settings.precision,
        "tf32": {
            "products": torch.backends.cuda.matmul.allow_tf32,
            "convolutions": torch.backends.cudnn.allow_tf32,
        },
        "bank_frames": settings.bank,
        "write_every_frames": settings.write_every,
        "machine": machine.to_dict(),
        "rows": rows,
        "ended": ended,
    }


def _rows(
    comparison: Comparison, engine: StreamModel, settings: Settings
) -> tuple[list[dict[str, Any]], str | None]:
    """Measure the batch sizes; return them and, where larger ones were left out, why."""
    rows: list[dict[str, Any]] = []
    for batch in settings.batches:
        try:
            row = comparison.run(engine, batch, rounds=settings.rounds, seconds=settings.seconds)
        except torch.OutOfMemoryError:
            if not rows:
                raise
            return rows, f"batch {batch} does not fit into the device's memory"
        rows.append(row.to_dict())
        if row.ours.p50_ms > settings.slowest_ms:
            return rows, f"a step of batch {batch} takes more than {settings.slowest_ms:g} ms"
    return rows, None


def table(result: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    head = (
        f"{result['weights']} ({result['topology']}, {result['backbone']}, "
        f"{result['input_size']} px), {result['engine']} on {result['device']}, "
        f"{result['precision']}, bank of {result['bank_frames']} frames"
    )
    titles = ("batch", "ours p50/p99 ms", "a frame", "authors p50/p99 ms", "ratio", "max diff",
              "in 1e-3", "Dice")  # fmt: skip
    widths = (5, 19, 8, 20, 7, 9, 8, 8)
    lines = [head, " ".join(f"{t:>{w}}" for t, w in zip(titles, widths, strict=True))]
    for row in result["rows"]:
        ours, authors, agreement = row["ours"], row["authors"], row["agreement"]
        lines.append(
            f"{row['batch']:>5} {ours['p50_ms']:>10.2f}/{ours['p99_ms']:<8.2f} "
            f"{ours['p50_ms'] / row['batch']:>8.2f} "
            f"{authors['p50_ms']:>11.2f}/{authors['p99_ms']:<8.2f} {row['ratio']:>7.2f} "
            f"{agreement['max_difference']:>9.1e} {agreement['share_close']:>8.5f} "
            f"{agreement['dice']:>8.5f}"
        )
    if result["ended"]:
        lines.append(f"ended: {result['ended']}")
    return "\n".join(lines)


@contextlib.contextmanager
def weights_file(settings: Settings) -> Iterator[Path]:
    """The file of the weights; one of random weights is gone afterwards."""
    if settings.profile is None:
        yield resolve_weights(settings.weights or "small-demo")
        return
    with tempfile.TemporaryDirectory() as folder:
        config = get_profile(settings.profile)
        yield save_random_weights(Path(folder), settings.profile, config, settings.seed)


def parse_batches(text: str) -> tuple[int, ...]:
    """Read `1,2,4`.

    Raises:
        ConfigError: It is no list of positive numbers.
    """
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise ConfigError(f"--batch {text!r}: give positive numbers such as 1,2,4")
    return tuple(int(part) for part in parts)


def _parse(arguments: Sequence[str] | None) -> tuple[Settings, Path | None]:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.against_authors", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--weights", help="a shipped name or a file (small-demo)")
    parser.add_argument("--profile", help="random weights of this profile instead")
    parser.add_argument("--seed", type=int, default=0, help="of random weights")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--batch", default="1", help="streams at a time, such as 1,2,64")
    parser.add_argument("--bank", type=int, default=35)
    parser.add_argument("--write-every", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0, help="of turns per batch size")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    if given.weights and given.profile:
        raise ConfigError("give --weights or --profile, not both")
    settings = Settings(
        given.weights, given.profile, given.seed, given.device, given.engine, given.precision,
        parse_batches(given.batch), given.bank, given.write_every, given.rounds, given.seconds,
    )  # fmt: skip
    return settings, given.json


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        settings, json_out = _parse(words)
        result = compare(settings, ["python", "-m", "tests.bench.against_authors", *words])
        print(table(result))
        if json_out:
            json_out.write_text(json.dumps(result, indent=2) + "\n")
    except (SaliError, OSError, torch.OutOfMemoryError) as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
