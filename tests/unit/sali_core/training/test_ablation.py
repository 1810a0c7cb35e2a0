from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sali_core.errors import ConfigError
from sali_core.evaluation.network_report import ReportPlan
from sali_core.training.ablation import VariantScore, run_ablation, table, to_json
from sali_core.training.recipe import Recipe, read_recipe
from sali_core.weights.store import read_header
from tests.fakes.blobs import write_blobs

PLAN = ReportPlan(video_stills=1, video_frames=50, stretches=2)


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return read_recipe(
        None,
        {
            "data.root": str(write_blobs(tmp_path / "data")),
            "data.phantoms": 0,
            "train.size": 64,
            "train.steps": 1,
            "train.batch": 2,
            "train.workers": 0,
            "train.validate_pictures": 1,
        },
    )


def test_every_variant_is_trained_with_every_seed_and_scored(
    recipe: Recipe, tmp_path: Path
) -> None:
    seen: list[tuple[str, int, int]] = []

    def run() -> list[VariantScore]:
        return run_ablation(
            recipe,
            ["without_lim", "full"],
            [0, 1],
            PLAN,
            out=tmp_path / "runs",
            device=torch.device("cpu"),
            progress=lambda *event: seen.append(event),
        )

    scores = run()
    assert [(score.variant, score.seed) for score in scores] == [
        ("without_lim", 0),
        ("full", 0),
        ("without_lim", 1),
        ("full", 1),
    ]
    for score in scores:
        weights = tmp_path / "runs" / f"{score.variant}-seed{score.seed}" / "last.safetensors"
        config = read_header(weights).config
        assert (config.ablation, config.input_size) == (score.variant, 64)
        assert 0 <= score.inside_stretches <= 1
    json.dumps(to_json(recipe, PLAN, scores))
    before = len(seen)
    kept = tmp_path / "runs" / "full-seed1" / "score.json"
    read = kept.stat().st_mtime_ns
    damaged = tmp_path / "runs" / "full-seed0" / "score.json"
    damaged.write_text("{}")
    assert run() == scores  # nothing is trained again
    assert all(done == total for _, done, total in seen[before:])
    assert kept.stat().st_mtime_ns == read
    assert json.loads(damaged.read_text())["score"]["variant"] == "full"


def test_the_table_gives_mean_and_spread_over_seeds() -> None:
    scores = [
        VariantScore("full", seed, 0.8, 0.7, 0.6, inside)
        for seed, inside in enumerate((0.4, 0.5, 0.6))
    ] + [VariantScore("without_lim", 0, 0.1, 0.2, 0.3, 0.4)]
    lines = table(scores).splitlines()
    assert lines[0].startswith("| variant | seeds | single frames | clean |")
    assert lines[2] == "| full | 3 | 80.0 ± 0.0 | 70.0 ± 0.0 | 60.0 ± 0.0 | 50.0 ± 10.0 |"
    assert lines[3] == "| without_lim | 1 | 10.0 | 20.0 | 30.0 | 40.0 |"


def test_an_ablation_cannot_start_from_whole_weights(recipe: Recipe, tmp_path: Path) -> None:
    started = read_recipe(None, {"run.start": "small-demo", "data.root": recipe.data.root})
    with pytest.raises(ConfigError, match="give --backbone-weights"):
        run_ablation(
            started,
            ["full"],
            [0],
            PLAN,
            out=tmp_path,
            device=torch.device("cpu"),
            progress=lambda *_: None,
        )
