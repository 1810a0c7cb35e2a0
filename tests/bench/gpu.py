"""Every figure a GPU is asked for: engines against the authors' form, batch 1 to 64.

    python -m tests.bench.gpu [--json docs/benchmarks/gpu.json] [--profiles small,paper,released]
        [--engines cuda-graphs,eager,compiled-graphs] [--precisions float32,bfloat16,tf32,float16]
        [--batch 1,2,4,8,16,32,64] [--minutes 8] [--plots FOLDER]

Needs a GPU, torch, torchvision, timm, numpy, scipy and safetensors; nothing of the service. Every
row is printed and written as soon as it is there, and joins those of the same GPU and versions
that the file holds. What fails, or finds no time, is a row that says why.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sali_core.bench.limits import measure_limits
from sali_core.bench.machine import describe_machine
from sali_core.bench.timing import Deadline
from sali_core.config import get_profile
from sali_core.engine.choice import ENGINES
from sali_core.engine.device import pick_device
from sali_core.engine.precision import allow_tf32
from sali_core.errors import ConfigError, SaliError
from tests.bench.against_authors import parse_batches
from tests.bench.gpu_plots import draw_rows
from tests.bench.gpu_profile import DTYPES, ProfileBench, RowSettings

PROFILES = ("released", "paper", "small")
# Only the first engine is measured at every batch size.
_FEW_BATCHES = (1, 8, 64)
_COMPILE_S = 180.0
"""Left time below which nothing that torch compiles is begun."""


@dataclass(frozen=True)
class Plan:
    """What to measure, in the order of the lists.

    Attributes:
        row: How each row is measured.
    """

    device: torch.device
    profiles: tuple[str, ...]
    engines: tuple[str, ...]
    precisions: tuple[str, ...]
    batches: tuple[int, ...]
    row: RowSettings

    def groups(self) -> Iterator[tuple[str, str, str]]:
        """Yield (engine, precision, profile): what tells most first, compilers last."""
        pairs = [
            (place + rank + 10 * engine.startswith("compiled"), engine, precision)
            for place, engine in enumerate(self.engines)
            for rank, precision in enumerate(self.precisions)
        ]
        for _, engine, precision in sorted(pairs, key=lambda pair: pair[0]):
            for profile in self.profiles:
                yield engine, precision, profile

    def batches_of(self, engine: str) -> list[int]:
        """Batch sizes an engine is measured at."""
        wanted = self.batches if engine == self.engines[0] else _FEW_BATCHES
        return [batch for batch in self.batches if batch in wanted]


class Report:
    """Rows by what they measure, written after each."""

    def __init__(self, path: Path, machine: dict[str, Any]) -> None:
        """Take over rows and limits of the same GPU and versions.

        Raises:
            ConfigError: The file was not written by this program, is damaged or is of another GPU.
        """
        self._path = path
        self.rows, limits = _earlier(path, machine)
        self._head: dict[str, Any] = {"machine": machine, "limits": limits}
        self.measured = 0

    def set_limits(self, limits: dict[str, Any]) -> None:
        """Note what the device can do at most, by precision."""
        self._head["limits"] |= limits

    def add(self, row: dict[str, Any]) -> None:
        """Print and write a row; one that was not measured leaves an earlier figure alone."""
        key = _key(row)
        if "not_measured" not in row:
            self.measured += 1
            self.rows[key] = row
        else:
            self.rows.setdefault(key, row)
        print(_line(row), flush=True)
        report = self._head | {"rows": list(self.rows.values())}
        self._path.write_text(json.dumps(report, indent=2) + "\n")


def run(plan: Plan, report: Report, deadline: Deadline) -> None:
    """Measure group by group until all is done or time is up."""
    limits = {}
    for precision in plan.precisions:
        with allow_tf32(precision == "tf32"):
            found = measure_limits(plan.device, DTYPES[precision], seconds=1.0)
        limits[precision] = vars(found) | {"precision": precision}
        print(f"{precision}: {found.matrix_tflops} TFLOP/s, {found.bandwidth_gbs} GB/s", flush=True)
    report.set_limits(limits)
    print(_TITLES, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        _run_groups(plan, report, deadline, Benches(plan, Path(folder)), limits)


def _run_groups(
    plan: Plan, report: Report, deadline: Deadline, benches: Benches, limits: dict[str, Any]
) -> None:
    for engine, precision, profile in plan.groups():
        head = {"profile": profile, "engine": engine, "precision": precision}
        if too_late := _too_late(engine, deadline):
            report.add(head | {"batch": None} | too_late)
            continue
        _run_group(plan, report, deadline, benches, head, limits[precision]["matrix_tflops"])
        gc.collect()
        if plan.device.type == "cuda":
            torch.cuda.empty_cache()


class Benches:
    """One `ProfileBench` per profile, made at its first use."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan, self._folder = plan, folder
        self._made: dict[str, ProfileBench] = {}

    def get(self, profile: str) -> ProfileBench:
        """Return a profile's."""
        if profile not in self._made:
            plan = self._plan
            self._made[profile] = ProfileBench(profile, plan.device, plan.row, self._folder)
        return self._made[profile]


def _run_group(
    plan: Plan,
    report: Report,
    deadline: Deadline,
    benches: Benches,
    head: dict[str, Any],
    matrix_tflops: float,
) -> None:
    """Start one engine and measure its batches; whatever it raises is a row's result."""
    profile, name, precision = head["profile"], head["engine"], head["precision"]
    batch: int | str | None = None
    try:
        bench = benches.get(profile)
        engine = bench.start(name, precision)
    except Exception as exc:  # noqa: BLE001 - an engine that cannot start is told, others go on
        report.add(head | {"batch": batch, "not_measured": _one_line(exc)})
        return
    for batch in [*plan.batches_of(name), "stream"]:
        row: dict[str, Any] | None
        try:
            if too_late := _too_late(name, deadline):
                row = dict(too_late)
            elif batch == "stream":
                row = bench.judge(engine, precision) if name == plan.engines[0] else None
            else:
                row = bench.measure(engine, precision, int(batch), matrix_tflops)
        except Exception as exc:  # noqa: BLE001 - as above: a batch that does not fit, say
            row = {"not_measured": _one_line(exc)}
        if row is not None:
            report.add(head | {"batch": batch, "reason": engine.info.reason} | row)


def _too_late(engine: str, deadline: Deadline) -> dict[str, str]:
    """Why no batch of an engine can be begun, as part of a row; empty while there is time."""
    least_s = _COMPILE_S if engine.startswith("compiled") else 0.0
    left_s = deadline.left_s
    return {"not_measured": f"{left_s:.0f} s left"} if left_s <= least_s else {}


_TITLES = (
    f"{'profile':<9} {'engine':<15} {'precision':<9} {'batch':>6} {'p50 ms':>8} {'p99 ms':>8} "
    f"{'a frame':>8} {'authors':>8} {'ratio':>7} {'max diff':>9} {'Dice':>8} {'of peak':>8}"
)


def _line(row: dict[str, Any]) -> str:
    head = (
        f"{row['profile']:<9} {row['engine']:<15} {row['precision']:<9} {row['batch'] or '-':>6} "
    )
    if "not_measured" in row:
        return f"{head}not measured: {row['not_measured']}"
    if row["batch"] == "stream":
        return (
            f"{head}{row['frames']} frames beside float32: logits within "
            f"{row['max_difference']:.1e}, Dice {row['dice']:.5f}: "
            f"{'within' if row['within_bounds'] else 'OUTSIDE'} the bounds"
        )
    ours, agreement = row["ours"], row["agreement"]
    return (
        f"{head}{ours['p50_ms']:>8.2f} {ours['p99_ms']:>8.2f} {row['frame_ms']:>8.3f} "
        f"{row['authors']['p50_ms']:>8.2f} {row['ratio']:>7.1f} "
        f"{agreement['max_difference']:>9.1e} {agreement['dice']:>8.5f} "
        f"{row['matrix_share']:>8.1%}"
    )


def _key(row: dict[str, Any]) -> str:
    return ", ".join(str(row[name]) for name in ("profile", "engine", "precision", "batch"))


def _one_line(exc: Exception) -> str:
    lines = str(exc).strip().splitlines()
    return f"{type(exc).__name__}: {lines[0] if lines else ''}"[:300]


def _earlier(
    path: Path, machine: dict[str, Any]
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Rows and limits a file holds already, if they are of this GPU and these versions."""
    if not path.is_file():
        return {}, {}
    try:
        report = json.loads(path.read_text())
        gpu = report["machine"]["gpu"]
        is_same = all(report["machine"][key] == machine[key] for key in ("cpu", "versions"))
        rows = {_key(row): row for row in report["rows"] if "not_measured" not in row}
        limits = dict(report.get("limits", {}))
    except (ValueError, KeyError, TypeError) as exc:
        raise ConfigError(
            f"--json {path}: holds no figures of an earlier run ({type(exc).__name__}: {exc}); "
            "move it away or name another file"
        ) from exc
    if gpu != machine["gpu"]:
        raise ConfigError(
            f"--json {path}: holds figures of another GPU ({gpu}); name another file with --json"
        )
    return (rows, limits) if is_same else ({}, {})


def _parse(arguments: Sequence[str]) -> tuple[Plan, argparse.Namespace]:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.gpu", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--json", type=Path, default=Path("docs/benchmarks/gpu.json"))
    parser.add_argument("--plots", type=Path, help="folder for plots (needs matplotlib)")
    parser.add_argument("--profiles", default=",".join(PROFILES))
    parser.add_argument("--engines", default="cuda-graphs,eager,compiled-graphs")
    parser.add_argument("--precisions", default="float32,bfloat16,tf32,float16")
    parser.add_argument("--batch", default="1,2,4,8,16,32,64")
    parser.add_argument("--bank", type=int, default=35)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=3.0, help="of turns per row")
    parser.add_argument("--frames", type=int, default=300, help="a precision is judged on")
    parser.add_argument("--minutes", type=float, default=8.0, help="no row begins after so many")
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args(arguments)
    for profile in given.profiles.split(","):
        get_profile(profile)
    if not given.json.parent.is_dir():
        raise ConfigError(f"--json {given.json}: the folder does not exist")
    plan = Plan(
        pick_device(given.device),
        tuple(given.profiles.split(",")),
        _known("engine", given.engines, ENGINES),
        _known("precision", given.precisions, DTYPES),
        parse_batches(given.batch),
        RowSettings(given.bank, given.rounds, given.seconds, given.frames),
    )
    return plan, given


def _known(kind: str, text: str, there: Sequence[str] | dict[str, torch.dtype]) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in there:
            raise ConfigError(f"{kind} {name!r}; there are: {', '.join(there)}")
    return names


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        plan, given = _parse(words)
        deadline = Deadline(60 * given.minutes)
        command = ["python", "-m", "tests.bench.gpu", *words]
        report = Report(given.json, describe_machine(plan.device, command).to_dict())
        run(plan, report, deadline)
        if given.plots:
            draw_rows(list(report.rows.values()), given.plots)
        if not report.measured:
            raise ConfigError("nothing could be measured; the rows above say why")
    except (SaliError, OSError) as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
