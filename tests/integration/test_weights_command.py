"""`sali weights`: import, list and show, as a person runs them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sali_core.config import get_profile
from sali_core.model.released.network import ReleasedNetwork
from sali_core.weights.registry import DEFAULT_NAME, SHIPPED
from sali_core.weights.released import to_released
from sali_core.weights.store import load_network
from tests.fakes.command_line import sali


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """The authors' names, on the smallest PVTv2."""
    torch.manual_seed(0)
    network = ReleasedNetwork(replace(get_profile("released"), backbone="pvt_v2_b0"))
    return {f"module.{to_released(name)}": value for name, value in network.state_dict().items()}


@pytest.fixture(scope="module")
def checkpoint(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("theirs") / "SALI.pth"
    torch.save(state, path)
    return path


def _sali(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    return sali(monkeypatch, "weights", *arguments)


def test_an_import_says_what_it_found_and_what_remains_to_do(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    checkpoint: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "authors.safetensors"
    assert _sali(monkeypatch, "import", checkpoint, "-o", out, "--name", "Authors") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "the authors' released SALI network, backbone pvt_v2_b0" in lines[0]
    assert lines[1].startswith(f"written: {out} (")
    assert lines[2].startswith("threshold: 0.5, not chosen on validation data; sali evaluate")
    assert "makers' terms" in lines[3]
    assert lines[4] == "Research use only. Not a medical device."
    network, header = load_network(out)
    assert (header.name, header.threshold) == ("Authors", 0.5)
    assert network.config.topology == "released"


def test_a_given_threshold_is_written(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    checkpoint: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "authors.safetensors"
    assert _sali(monkeypatch, "import", checkpoint, "-o", out, "--threshold", "0.35") == 0
    assert "threshold: 0.35, as given\n" in capsys.readouterr().out
    assert _sali(monkeypatch, "show", out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["threshold"] == 0.35


def test_a_backbone_tells_its_use(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    state: dict[str, Tensor],
    tmp_path: Path,
) -> None:
    prefix = "module.backbone.feat_net.pvtv2_en."
    original = {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}
    torch.save(original, tmp_path / "pvt_v2_b0.pth")
    out = tmp_path / "b0.safetensors"
    assert _sali(monkeypatch, "import", tmp_path / "pvt_v2_b0.pth", "-o", out) == 0
    text = capsys.readouterr().out
    assert "a plain backbone, backbone pvt_v2_b0" in text
    assert f"use: sali train --backbone-weights {out}" in text
    assert "threshold" not in text
    assert _sali(monkeypatch, "show", out) == 0
    assert "kind      backbone\n" in capsys.readouterr().out


def test_assumptions_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    network, _ = load_network(SHIPPED / f"{DEFAULT_NAME}.safetensors")
    averaged = {name: value + 1 for name, value in network.state_dict().items()}
    held = {"network": network.state_dict(), "averaged": averaged, "step": 4}
    torch.save(held, tmp_path / "last.pt")
    out = tmp_path / "mine.safetensors"
    assert _sali(monkeypatch, "import", tmp_path / "last.pt", "-o", out) == 0
    text = capsys.readouterr().out
    assert "a SALI network trained here, averaged weights, backbone mobilenetv2_100" in text
    assert "assumed: no config.json beside the file" in text


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"module.membranch.Key0.weight": None}, "1 missing (first: membranch.Key0.weight)"),
        ({"module.other": torch.zeros(1)}, "1 unexpected (first: other)"),
        (
            {"module.membranch.Key0.bias": torch.zeros(9)},
            "1 misshapen (first: membranch.Key0.bias [9] instead of [4])",
        ),
        ({"module.epoch": 3}, "1 entries are not plain tensors: epoch (int)"),
    ],
    ids=["missing", "unexpected", "misshapen", "no tensor"],
)
def test_a_checkpoint_that_does_not_fit_is_refused_inone_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    state: dict[str, Tensor],
    tmp_path: Path,
    damage: dict[str, Tensor | int | None],
    reason: str,
) -> None:
    held = {name: value for name, value in (state | damage).items() if value is not None}
    torch.save(held, tmp_path / "broken.pth")
    out = tmp_path / "out.safetensors"
    assert _sali(monkeypatch, "import", tmp_path / "broken.pth", "-o", out) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("sali: error: ")
    assert captured.err.count("\n") == 1
    assert reason in captured.err
    assert captured.out == ""
    assert not out.exists()


def test_the_list_shows_shipped_weights_and_a_folders(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    checkpoint: Path,
    tmp_path: Path,
) -> None:
    _sali(monkeypatch, "import", checkpoint, "-o", tmp_path / "authors.safetensors")
    (tmp_path / "broken.safetensors").write_text("no")
    capsys.readouterr()
    assert _sali(monkeypatch, "list", "--folder", tmp_path) == 0
    captured = capsys.readouterr()
    header, shipped, mine = captured.out.splitlines()
    assert header.split() == [
        "name", "network", "backbone", "input", "parameters", "threshold", "size", "sha256",
    ]  # fmt: skip
    assert shipped.split()[:5] == [DEFAULT_NAME, "paper/small", "mobilenetv2_100", "352", "2.65"]
    assert mine.split()[:4] == ["authors", "released/released", "pvt_v2_b0", "352"]
    assert "left out: " in captured.err
    assert "broken.safetensors" in captured.err
    assert _sali(monkeypatch, "list", "--json") == 0
    (only,) = json.loads(capsys.readouterr().out)
    assert only["name"] == DEFAULT_NAME
    assert len(only["sha256"]) == 64


def test_show_tells_header_parts_and_card(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _sali(monkeypatch, "show", DEFAULT_NAME) == 0
    facts, parts, card = capsys.readouterr().out.split("\n\n", 2)
    rows = dict(line.split(None, 1) for line in facts.splitlines())
    assert (rows["topology"], rows["ablation"]) == ("paper", "full")
    assert f"{rows['threshold']} on the probability" in card
    assert rows["backbone_options"] == "pad_type=same"
    counts = dict(line.split() for line in parts.splitlines()[1:])
    numbers = [int(count.replace(",", "")) for count in counts.values()]
    assert numbers[-1] == sum(numbers[:-1])
    assert {"encoder.backbone", "encoder.rfb", "relation.sam", "decoder"} <= counts.keys()
    assert card == (SHIPPED / f"{DEFAULT_NAME}.md").read_text()


def test_show_of_nothing_names_what_there_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _sali(monkeypatch, "show", "nothing") == 1
    assert f"(shipped: {DEFAULT_NAME}" in capsys.readouterr().err
