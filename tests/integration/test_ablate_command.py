from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.fakes.blobs import write_blobs

ROOT = Path(__file__).resolve().parents[2]


def _sali(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server.cli", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_the_command_prints_a_table_and_keeps_the_figures(tmp_path: Path) -> None:
    data = write_blobs(tmp_path / "data")
    out = tmp_path / "runs"
    done = _sali(
        "ablate", "--data", data, "--out", out, "--variants", "without_sam_lim,full",
        "--seeds", "1",
        "--steps", "1", "--videos", "1", "--set", "train.size=64", "--set", "model.input_size=64",
        "--set", "train.batch=2", "--set", "train.workers=0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "| without_sam_lim | 1 |" in done.stdout
    assert (out / "table.md").read_text() in done.stdout
    figures = json.loads((out / "scores.json").read_text())
    assert [score["variant"] for score in figures["scores"]] == ["without_sam_lim", "full"]
    assert figures["recipe"]["train"]["steps"] == 1


def test_an_unknown_variant_is_named(tmp_path: Path) -> None:
    done = _sali("ablate", "--data", tmp_path, "--variants", "without_everything")
    assert done.returncode == 1
    assert done.stderr == (
        "sali: error: variant 'without_everything'; there are: without_sam_lim, without_sam, "
        "without_lim, without_ma, without_fa, full\n"
    )
