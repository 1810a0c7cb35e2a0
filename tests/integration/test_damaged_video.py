"""Damaged video neither ends the process, nor hangs it, nor fills its memory.

A few hundred rounds here, each with its own damage; `make fuzz` runs thousands of others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.fuzz_decoding import CODECS

ROOT = Path(__file__).parents[2]
_MOST_GROWTH_BYTES = 64 << 20
"""Headers that claim pictures up to the limit make the allocator keep some memory."""


def _fuzz(codec: str, seed: int, rounds: int, timeout_s: float) -> dict[str, int]:
    fuzzer = [sys.executable, "-m", "tests.fakes.fuzz_decoding", codec]
    run = subprocess.run(
        [*fuzzer, f"--seed={seed}", f"--rounds={rounds}"],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert run.returncode == 0, (run.returncode, run.stderr[-4000:])
    facts: dict[str, int] = json.loads(run.stdout.splitlines()[-1])
    assert facts["rounds"] == rounds
    assert facts["decoded"] > rounds, "the good picture of each round, and some of the damaged"
    assert facts["grown"] < _MOST_GROWTH_BYTES, facts
    return facts


@pytest.mark.parametrize("codec", CODECS)
def test_damaged_video_harms_nothing(codec: str) -> None:
    _fuzz(codec, seed=1, rounds=60, timeout_s=600)


@pytest.mark.long
@pytest.mark.parametrize("codec", CODECS)
def test_much_damaged_video_harms_nothing(codec: str) -> None:
    seed = int(os.environ.get("FUZZ_SEED", time.time_ns() // 1_000_000_000))
    facts = _fuzz(codec, seed, rounds=int(os.environ.get("FUZZ_ROUNDS", "2000")), timeout_s=3000)
    print(f"{codec}, seed {seed}: {facts}")
