"""Every figure a GPU is asked for: each profile against the authors' form, batch 1 to 64.

    python -m tests.bench.gpu [--json docs/benchmarks/gpu.json] [--profiles small,paper,released]
        [--precisions float32,bfloat16] [--batch 1,2,4,8,16,32,64] [--rounds 60]

Needs a GPU, torch, torchvision, timm, numpy, scipy and safetensors; nothing of the service. Figures
are written as soon as they are there, and join those of the same GPU and versions that the file
holds: profiles may be measured one by one.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from sali_core.bench.limits import measure_limits
from sali_core.bench.machine import describe_machine
from sali_core.config import get_profile
from sali_core.engine.device import pick_device
from sali_core.errors import ConfigError, EngineError, SaliError
from tests.bench.against_authors import PRECISIONS, Settings, compare, parse_batches, table

PROFILES = ("small", "paper", "released")
SLOWEST_MS = 100.0
SHIPPED = {"small": "small-demo"}
"""Profiles that come with trained weights; the others are measured with random ones."""


def run(
    settings: Sequence[Settings], json_out: Path, device: torch.device, command: Sequence[str]
) -> None:
    """Compare one after another; print tables, keep the figures written so far.

    Raises:
        ConfigError: The file holds something else.
        EngineError: Nothing could be measured.
    """
    machine = describe_machine(device, command).to_dict()
    kept = _earlier(json_out, machine)
    limits = [vars(measure_limits(device, dtype)) for dtype in (torch.float32, torch.bfloat16)]
    failures: list[str] = []
    for chosen in settings:
        try:
            result = compare(chosen, command)
        # A precision or a network that the engine has not, or that does not fit.
        except (ConfigError, EngineError, torch.OutOfMemoryError) as exc:
            failures.append(f"{chosen.weights or chosen.profile}, {chosen.precision}: {exc}")
            print(f"not measured: {failures[-1]}", flush=True)
            continue
        kept[f"{result['weights']}, {result['precision']}"] = result
        report = {"machine": machine, "limits": limits, "comparisons": list(kept.values())}
        print(table(result), flush=True)
        json_out.write_text(json.dumps(report, indent=2) + "\n")
    if len(failures) == len(settings):
        raise EngineError(f"nothing could be measured: {'; '.join(failures)}")


def _earlier(path: Path, machine: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Comparisons a file holds already, if they are of this GPU and these versions.

    Raises:
        ConfigError: The file was not written by this program, or is damaged.
    """
    if not path.is_file():
        return {}
    try:
        report = json.loads(path.read_text())
        if any(report["machine"][key] != machine[key] for key in ("gpu", "cpu", "versions")):
            return {}
        return {f"{old['weights']}, {old['precision']}": old for old in report["comparisons"]}
    except (ValueError, KeyError, TypeError) as exc:
        raise ConfigError(
            f"--json {path}: holds no figures of an earlier run ({type(exc).__name__}: {exc}); "
            "move it away or name another file"
        ) from exc


def _parse(arguments: Sequence[str]) -> tuple[list[Settings], Path, torch.device]:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.gpu", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--json", type=Path, default=Path("docs/benchmarks/gpu.json"))
    parser.add_argument("--profiles", default=",".join(PROFILES))
    parser.add_argument("--precisions", default="float32,bfloat16")
    parser.add_argument("--batch", default="1,2,4,8,16,32,64")
    parser.add_argument("--bank", type=int, default=35)
    parser.add_argument("--write-every", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=20.0, help="of turns per batch size")
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args(arguments)
    device = pick_device(given.device)
    profiles, precisions = given.profiles.split(","), given.precisions.split(",")
    for precision in precisions:
        if precision not in PRECISIONS:
            raise ConfigError(f"precision {precision!r}; there are: {', '.join(PRECISIONS)}")
    for profile in profiles:
        get_profile(profile)
    if not given.json.parent.is_dir():
        raise ConfigError(f"--json {given.json}: the folder does not exist")
    common: dict[str, Any] = {
        "device": given.device,
        "batches": parse_batches(given.batch),
        "bank": given.bank,
        "write_every": given.write_every,
        "rounds": given.rounds,
        "seconds": given.seconds,
        "slowest_ms": SLOWEST_MS,
    }
    settings = [
        Settings(
            weights=SHIPPED.get(profile),
            profile=None if profile in SHIPPED else profile,
            precision=precision,
            **common,
        )
        for profile in profiles
        for precision in precisions
    ]
    return settings, given.json, device


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        settings, json_out, device = _parse(words)
        run(settings, json_out, device, ["python", "-m", "tests.bench.gpu", *words])
    except (SaliError, OSError) as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
