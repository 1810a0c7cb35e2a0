"""How much of a difference is rounding: ours and the authors' form against float64.

    python -m tests.bench.rounding [--weights W | --profile P] [--bank 35] [--frames 38] [--json F]

The authors' form in float64 is taken for the truth; the same form in float32 and our engine in
float32 see the same frames. Where the authors' form is as far from the truth as ours is from the
authors' form, a smaller bound asks for the same rounding errors, not for a better result.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from sali_core.bench.frames import BenchFrames
from sali_core.bench.machine import describe_machine
from sali_core.config import MemoryConfig
from sali_core.engine import create_engine
from sali_core.errors import SaliError
from sali_core.stream.masking import MaskRule
from sali_core.types import StepResult
from sali_core.weights.store import load_network
from tests.bench.against_authors import Settings, weights_file
from tests.bench.authors import AuthorsForm
from tests.bench.comparison import Agreement

FORMS = (
    "authors' float32 to float64",
    "ours float32 to float64",
    "ours float32 to authors' float32",
)


def measure(settings: Settings, frames: int, command: Sequence[str]) -> dict[str, Any]:
    """Run the three streams; return plain JSON values.

    Args:
        settings: Weights or profile, engine and bank; a frame is written at every step.
        frames: Steps; more than `settings.bank` shows a full bank.
        command: As typed, for the record.

    Raises:
        SaliError: Of the weights or the engine.
    """
    device = torch.device("cpu")
    machine = describe_machine(device, command)
    memory = MemoryConfig(settings.bank, settings.write_every)
    with weights_file(settings) as path:
        engine = create_engine(path, "cpu", engine=settings.engine, memory=memory)
        network, header = load_network(path)
    rule = MaskRule(header.threshold, header.peak_threshold)
    truth, authors = (
        AuthorsForm(network.config, network.state_dict(), rule, memory=memory, precision=precision)
        for precision in (torch.float64, torch.float32)
    )
    pictures = BenchFrames(network.config.input_size)
    state = engine.initial_state()
    agreements = {name: Agreement() for name in FORMS}
    for number in range(frames):
        picture = pictures.frame(0, number)
        exact, theirs = truth.step(picture), authors.step(picture)
        ours = engine.step(state, picture)
        as_result = StepResult(theirs, theirs, authors.shown_mask)  # no probability is compared
        agreements[FORMS[0]].add(as_result, exact, truth.shown_mask)
        agreements[FORMS[1]].add(ours, exact, truth.shown_mask)
        agreements[FORMS[2]].add(ours, theirs, authors.shown_mask)
    return {
        "weights": header.name,
        "engine": engine.info.engine,
        "bank_frames": settings.bank,
        "machine": machine.to_dict(),
        "agreements": {name: one.to_dict() for name, one in agreements.items()},
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures as lines for people."""
    lines = [
        f"{result['weights']}, bank of {result['bank_frames']} frames, {result['engine']}",
        f"{'':<34} {'max diff':>9} {'in 1e-3':>8} {'Dice':>9}",
    ]
    for name, one in result["agreements"].items():
        lines.append(
            f"{name:<34} {one['max_difference']:>9.1e} {one['share_close']:>8.5f} "
            f"{one['dice']:>9.6f}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.rounding", description=(__doc__ or "").split("\n")[0]
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--weights", help="a shipped name or a file (small-demo)")
    which.add_argument("--profile", help="random weights of this profile instead")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--bank", type=int, default=35)
    parser.add_argument("--frames", type=int, default=38, help="a frame enters memory at each")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(words)
    settings = Settings(
        weights=given.weights, profile=given.profile, engine=given.engine, bank=given.bank
    )
    try:
        result = measure(settings, given.frames, ["python", "-m", "tests.bench.rounding", *words])
        print(table(result))
        if given.json:
            given.json.write_text(json.dumps(result, indent=2) + "\n")
    except (SaliError, OSError) as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
