"""`sali train` as people start it: killed, started again, shared by processes, refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from sali_core.weights.store import load_network
from server.cli import app
from tests.fakes.blobs import write_blobs
from tests.fakes.rtsp_server import free_port
from tests.fakes.sun_seg_tree import write_sun_seg

TINY = """
[run]
name = "tiny"
[model]
backbone = "mobilenetv2_035"
input_size = 64
[train]
steps = 12
batch = 2
size = 64
warm_up = 2
validate_every = 5
validate_pictures = 1
save_every = 3
workers = 0
[data]
phantoms = 0
"""
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in the processes started here: sums in another order would differ in the last bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    write_blobs(tmp_path / "data")
    return path


def _arguments(recipe: Path, out: str, *more: str) -> list[str]:
    folder = recipe.parent
    return [
        "train", "--config", str(recipe), "--data", str(folder / "data"),
        "--out", str(folder / out), "--device", "cpu", *more,
    ]  # fmt: skip


def _train(arguments: list[str]) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None, result.output
    return result.output


def _last(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    saved: dict[str, dict[str, torch.Tensor]] = torch.load(folder / "last.pt", weights_only=True)
    return saved


def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(
    recipe: Path, tmp_path: Path
) -> None:
    _train(_arguments(recipe, "whole"))
    log = tmp_path / "killed" / "log.csv"
    process = subprocess.Popen(
        [sys.executable, "-m", "server.cli", *_arguments(recipe, "killed")],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 300
    while not (log.exists() and len(log.read_text().splitlines()) > 7):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline, "it did not come to step 7"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert "going on from step" in _train(_arguments(recipe, "killed"))
    whole, killed = _last(tmp_path / "whole"), _last(tmp_path / "killed")
    for part in ("network", "averaged"):
        assert all(torch.equal(v, killed[part][name]) for name, v in whole[part].items())
    assert (tmp_path / "whole" / "log.csv").read_text() == log.read_text()


SHARED = """
import sys, torch
torch.set_num_threads(1)
from pathlib import Path
from sali_core.training.ranks import open_ranks
from sali_core.training.recipe import read_recipe
from sali_core.training.run import prepare_run
recipe = read_recipe(Path(sys.argv[1]), {"data.root": sys.argv[2], "run.out": sys.argv[3],
    "train.steps": 3})
with open_ranks("cpu") as (ranks, device):
    run = prepare_run(recipe, device=device, ranks=ranks)
    run.trainer.run(run.data.clips, run.data.validation if ranks.is_first else None)
    parameters = dict(run.trainer.network.named_parameters())
    torch.save({k: v.detach() for k, v in parameters.items()}, sys.argv[4] + str(ranks.rank))
"""


def test_processes_that_share_a_run_end_with_equal_weights(recipe: Path, tmp_path: Path) -> None:
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    arguments = [str(recipe), str(tmp_path / "data"), str(tmp_path / "out"), str(tmp_path / "rank")]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SHARED, *arguments],
            env=ENVIRONMENT | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    try:
        errors = [process.communicate(timeout=400)[1].decode() for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], errors
    first, second = (torch.load(tmp_path / f"rank{k}", weights_only=True) for k in range(2))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert all(torch.equal(value, first[name]) for name, value in _written(tmp_path, first).items())
    log = (tmp_path / "out" / "log.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in log] == ["step", "1", "2", "3"]


def _written(tmp_path: Path, names: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    saved = _last(tmp_path / "out")["network"]
    return {name: saved[name] for name in names}


def test_sun_seg_is_recognised_and_an_ablation_trained(recipe: Path, tmp_path: Path) -> None:
    write_sun_seg(tmp_path / "sun")
    output = _train(
        _arguments(
            recipe, "sun-run", "--data", str(tmp_path / "sun"), "--ablation", "without_lim",
            "--steps", "2", "--hold-back", "0", "--set", "train.average=0.5",
        )
    )  # fmt: skip
    assert "SUN-SEG: 2 clips, 8 frames; 0 clips held back" in output
    _, header = load_network(tmp_path / "sun-run" / "best.safetensors")
    assert header.config.ablation == "without_lim"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--set", "train.avrage=1"],
            "unknown setting 'avrage' in [train]; did you mean 'average'",
        ),
        (["--data", "nowhere"], "nowhere: no such folder"),
        (["--start", "nowhere"], "weights 'nowhere': no such file"),
        (["--steps", "3", "--epochs", "2"], "give train.steps or train.epochs, not both"),
        (["--batch", "0"], "[train] batch must be at least 1, got 0"),
    ],
)
def test_a_mistake_is_one_line(recipe: Path, arguments: list[str], line: str) -> None:
    result = CliRunner().invoke(app, _arguments(recipe, "out", *arguments))
    assert line in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not (recipe.parent / "out").exists()
