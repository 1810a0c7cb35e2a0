"""`sali weights`: import, list and show, as a person runs them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from sali_core.config import get_profile
from sali_core.model.network import SaliNetwork
from sali_core.model.released.network import ReleasedNetwork
from sali_core.weights.registry import DEFAULT_NAME, SHIPPED
from sali_core.weights.released import to_released
from sali_core.weights.store import WeightsHeader, load_network, save_weights
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
    assert lines[2].startswith("threshold: 0.5, not chosen on validation data; sali weights")
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


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = replace(get_profile("small"), input_size=64)
    path = tmp_path / "tiny.safetensors"
    save_weights(path, SaliNetwork(config), WeightsHeader("tiny", "small", 0.5, config))
    return path


def _stills(root: Path) -> Path:
    for index in range(3):
        picture = np.full((64, 64, 3), 60 + 40 * index, np.uint8)
        mask = np.zeros((64, 64), np.uint8)
        mask[40:56, 40:56] = 255
        for folder, data in (("images", picture), ("masks", mask)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(data).save(root / folder / f"p{index}.png")
    return root


def test_calibration_writes_a_copy_that_keeps_the_tensors(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tiny: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "calibrated.safetensors"
    stills = _stills(tmp_path / "stills")
    assert _sali(monkeypatch, "calibrate", tiny, "--data", stills, "-o", out) == 0
    text = capsys.readouterr().out
    assert "frames with alarm" in text
    assert f"written to {out}" in text
    before, old = load_network(tiny)
    after, new = load_network(out)
    assert all(torch.equal(before.state_dict()[k], v) for k, v in after.state_dict().items())
    assert replace(new, threshold=0.5, peak_threshold=None) == old
    chosen = next(line for line in text.splitlines() if line.startswith("*")).split()
    assert chosen[1] == f"{new.threshold:g}"
    peak = "-" if new.peak_threshold is None else f"{new.peak_threshold:g}"
    assert chosen[2] == peak
    assert _sali(monkeypatch, "show", out) == 0
    assert ("peak_threshold" in capsys.readouterr().out) == (new.peak_threshold is not None)


def test_calibration_never_writes_over_what_it_reads_nor_over_a_file_unasked(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tiny: Path,
    tmp_path: Path,
) -> None:
    before = tiny.read_bytes()
    assert _sali(monkeypatch, "calibrate", tiny, "--data", tmp_path, "-o", tiny) == 1
    assert "is the checkpoint itself" in capsys.readouterr().err
    assert tiny.read_bytes() == before
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"kept")
    assert _sali(monkeypatch, "calibrate", tiny, "--data", tmp_path, "-o", other) == 1
    assert "--force" in capsys.readouterr().err
    assert other.read_bytes() == b"kept"


def test_calibration_without_pictures_names_the_folder(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tiny: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out.safetensors"
    assert _sali(monkeypatch, "calibrate", tiny, "--data", tmp_path / "no", "-o", out) == 1
    assert "no folder 'images'" in capsys.readouterr().err
    assert not out.exists()


def test_a_mix_lies_between_and_is_not_written_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    further, out = tmp_path / "further.safetensors", tmp_path / "mixed.safetensors"
    network, header = load_network(SHIPPED / f"{DEFAULT_NAME}.safetensors")
    name, value = next(iter(network.state_dict().items()))
    before = value.clone()
    network.load_state_dict(network.state_dict() | {name: before + 1})
    save_weights(further, network, replace(header, name="further"))
    arguments = ("mix", DEFAULT_NAME, further, "--share", "0.25", "-o", out)
    assert _sali(monkeypatch, *arguments) == 0
    assert f"0.25 of {further} written to {out}" in capsys.readouterr().out
    mixed, mixed_header = load_network(out)
    assert mixed_header.name == "further"
    torch.testing.assert_close(mixed.state_dict()[name], before + 0.25, atol=2e-3, rtol=2e-3)
    assert _sali(monkeypatch, *arguments) != 0
    assert "--force writes over it" in capsys.readouterr().err
