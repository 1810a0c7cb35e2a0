"""The authors' published network through our commands, against what theirs computed.

All 46 frames, every one written to memory; the bank is full after 35. A minute or two on two idle
cores.
"""

from __future__ import annotations

import csv
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PARITY = ROOT.parent / "shared/data/parity"
TOOL = ROOT.parent / "shared/tools/parity_inputs.py"
FRAMES = 46
LIMIT_S = 1500
"""Two cores may have other work."""


@pytest.fixture(scope="module")
def inputs() -> ModuleType:
    if not TOOL.exists() or not PARITY.exists():
        pytest.skip("no parity fixtures here (../shared/data/parity, ../shared/tools)")
    spec = importlib.util.spec_from_file_location("parity_inputs", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def predicted(inputs: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder of the maps, and what `--stats` printed."""
    folder = tmp_path_factory.mktemp("parity")
    state = inputs.released_state_dict(PARITY / "released_state_shapes.json", seed=1)
    torch.save(state, folder / "seed1.pth")
    weights = folder / "seed1.safetensors"
    _sali("weights", "import", folder / "seed1.pth", "-o", weights)
    (folder / "frames").mkdir()
    for index in range(FRAMES):
        picture = Image.fromarray(inputs.frame(index, seed=1))
        picture.save(folder / f"frames/{index:03d}.png")
    printed = _sali(
        "predict", "--weights", weights, "--source", folder / "frames", "--out", folder / "maps",
        "--mode", "reference", "--write-every", "1", "--format", "npy", "--stats",
        "--device", "cpu",
    )  # fmt: skip
    return folder / "maps", printed


def _sali(*arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "server.cli", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_frame_has_the_authors_logits(predicted: tuple[Path, str]) -> None:
    expected = np.load(PARITY / "released_seed1.npz")["logits"]
    maps = sorted(predicted[0].iterdir())
    assert [path.name for path in maps] == [f"{index:03d}.npy" for index in range(FRAMES)]
    logits = np.stack([np.load(path) for path in maps])
    assert logits.shape == (FRAMES, 352, 352)
    assert logits.dtype == np.float32
    difference = np.abs(logits[:, 4::8, 4::8] - expected).max(axis=(1, 2))
    assert (difference <= 1e-3).all(), f"frame {difference.argmax()}: {difference.max():.2e}"


def test_every_frame_leaves_the_authors_number_of_tokens(predicted: tuple[Path, str]) -> None:
    expected = np.load(PARITY / "released_seed1.npz")["tokens"]
    rows = list(csv.DictReader(predicted[1].splitlines()))
    assert [row["frame"] for row in rows] == [f"{index:03d}" for index in range(FRAMES)]
    columns = ("tokens_8", "tokens_16", "tokens_32")
    counted = np.array([[int(row[column]) for column in columns] for row in rows])
    assert (np.abs(counted - expected) <= 0.005 * expected).all()
    assert [int(row["frames_held"]) for row in rows] == (expected[:, 0] // 1936).tolist()
