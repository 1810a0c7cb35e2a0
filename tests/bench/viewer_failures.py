"""How soon a mask is gone and the state is on the screen when something fails (promise P3).

    python -m tests.bench.viewer_failures [--only KIND ...] [--repeats 50] [--out FILE]

A real service, a real headless Chromium. Every repaint of the page is read back: which picture is
shown, whether it is marked, and what the AI's chip says. Times are from the event to the first
repaint that shows it, so a repaint (16 ms at 60 Hz) is part of them. Failures:

worker   SIGSTOP of the worker process
socket   the network to the page falls silent, every connection stays open, video goes on
source   the source sends no more pictures
tab      the tab was frozen for two seconds; counted from the moment it runs again

Outcomes are added to those that FILE holds, so that a long run may be divided: 50 of one kind take
two to three minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sali_core.bench.machine import describe_machine
from tests.e2e.hand_fed_room import Room, Sample, hand_fed_room

LIMIT_MS = 300
WINDOW_S = 0.8
FROZEN_S = 2.0


def last_seen_after(
    samples: list[Sample], began_ms: float, wrong: Callable[[Sample], bool]
) -> float:
    """Return ms from the beginning to the first repaint after which nothing is wrong any more."""
    last = max((i for i, sample in enumerate(samples) if wrong(sample)), default=-1)
    if last + 1 >= len(samples):
        return float("inf")
    return max(0.0, samples[last + 1].at_ms - began_ms)


def judge(room: Room, began_ms: float) -> dict[str, float]:
    """Wait for the window after a failure; tell when mask and state were right."""
    room.page.wait_for_timeout(1000 * WINDOW_S)
    samples = room.samples(began_ms)
    told = next((s.at_ms for s in samples if s.ai_state != "active"), float("inf"))
    return {
        "mask_gone_ms": last_seen_after(samples, began_ms, lambda sample: sample.is_marked),
        "state_shown_ms": told - began_ms,
    }


def fail_worker(room: Room) -> dict[str, float]:
    """Stop the worker; the server kills it and starts another."""
    return judge(room, room.stop_worker())


def fail_socket(room: Room) -> dict[str, float]:
    """Hold every byte to and from the page back."""
    outcome = judge(room, room.silence_network())
    room.gate.release()
    return outcome


def fail_source(room: Room) -> dict[str, float]:
    """Send no more pictures."""
    outcome = judge(room, room.stop_source())
    room.feeder.resume()
    return outcome


def fail_tab(room: Room) -> dict[str, float]:
    """Freeze the tab: the picture that stood there is stale when it runs again."""
    began_ms, number = room.freeze_tab(FROZEN_S)
    room.page.wait_for_timeout(1000 * WINDOW_S)
    samples = room.samples(began_ms)

    def is_stale(sample: Sample) -> bool:
        return sample.is_marked and sample.number == number

    fresh = next(
        (s.at_ms for s in samples if s.ai_state != "active" or s.number != number), float("inf")
    )
    return {
        "mask_gone_ms": last_seen_after(samples, began_ms, is_stale),
        "state_shown_ms": max(0.0, fresh - began_ms),
    }


FAILURES: dict[str, Callable[[Room], dict[str, float]]] = {
    "socket": fail_socket,
    "source": fail_source,
    "tab": fail_tab,
    "worker": fail_worker,
}


def measure(room: Room, kinds: Iterable[str], repeats: int) -> dict[str, list[dict[str, float]]]:
    """Let each kind of failure happen `repeats` times, in turn; masks are back before each."""
    outcomes: dict[str, list[dict[str, float]]] = {name: [] for name in kinds}
    for _ in range(repeats):
        for name, happened in outcomes.items():
            room.wait_until_marked()
            happened.append(FAILURES[name](room))
    return outcomes


def summarize(outcomes: list[dict[str, float]]) -> dict[str, float | int]:
    """Median, worst and how many were within the limit, of both times."""
    summary: dict[str, float | int] = {"repeats": len(outcomes)}
    for key in ("mask_gone_ms", "state_shown_ms"):
        values = [outcome[key] for outcome in outcomes]
        summary[f"{key}_median"] = round(float(np.median(values)), 1)
        summary[f"{key}_worst"] = round(max(values), 1)
        summary[f"{key}_within_limit"] = sum(value <= LIMIT_MS for value in values)
    return summary


def add_up(
    known: dict[str, list[dict[str, float]]], more: dict[str, list[dict[str, float]]]
) -> dict[str, list[dict[str, float]]]:
    """Put outcomes behind those of an earlier run, by kind."""
    return {name: known.get(name, []) + more.get(name, []) for name in FAILURES}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=FAILURES, default=list(FAILURES))
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    out: Path | None = arguments.out
    before = json.loads(out.read_text()) if out is not None and out.exists() else {}
    command = ["python", "-m", "tests.bench.viewer_failures", *sys.argv[1:]]
    machine = asdict(describe_machine(torch.device("cpu"), command))
    outcomes = before.get("outcomes", {})
    report: dict[str, Any] = {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, hand_fed_room(Path(folder)) as room:
        for _ in range(arguments.repeats):
            outcomes = add_up(outcomes, measure(room, arguments.only, repeats=1))
            report = {
                "limit_ms": LIMIT_MS,
                "machine": machine,
                "took_s": before.get("took_s", 0) + round(time.monotonic() - began),
                "failures": {name: summarize(each) for name, each in outcomes.items() if each},
            }
            if out is not None:
                # Each time: a run that is ended early has measured what it has measured.
                out.write_text(json.dumps({**report, "outcomes": outcomes}, indent=1) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
