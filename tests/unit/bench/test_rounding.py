from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sali_core.weights.store import load_network
from tests.bench import rounding
from tests.bench.authors import AuthorsForm


def test_float64_is_the_truth_of_both_float32_forms(
    tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    arguments = ["--weights", tiny_weights, "--engine", "eager", "--bank", 2, "--frames", 4,
                 "--json", out]  # fmt: skip
    assert rounding.main([str(word) for word in arguments]) == 0
    agreements = json.loads(out.read_text())["agreements"]
    assert list(agreements) == list(rounding.FORMS)
    for one in agreements.values():
        assert one["frames"] == 4
        assert 0 < one["max_difference"] < 1e-3, "float32 rounds, and rounds little"
    assert "ours float32 to float64" in capsys.readouterr().out


def test_the_authors_form_computes_in_float64_where_asked(tiny_weights: Path) -> None:
    network, _ = load_network(tiny_weights)
    form = AuthorsForm(
        network.config, network.state_dict(), rounding.MaskRule(0.5), precision=torch.float64
    )
    picture = rounding.BenchFrames(64, count=1).frame(0, 0)
    logits = form.step(picture)
    assert logits.dtype == "float64"
    assert (logits != logits.astype("float32")).any(), "it is more than float32 in a wider type"


def test_weights_that_are_not_there_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert rounding.main(["--weights", "no-such.safetensors"]) == 1
    assert "no-such.safetensors" in capsys.readouterr().err
