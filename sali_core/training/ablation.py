"""Trains and scores the variants of the paper's Table 2 on one budget: what is each part worth?

Every variant sees the same clips in the same order with the same starting backbone; only the
network differs. They are scored on videos made from validation stills, inside stretches of bad
quality and outside (`sali_core.data.still_video`), and on single frames.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from sali_core.data.stills import StillFolder
from sali_core.engine import create_engine
from sali_core.errors import ConfigError
from sali_core.evaluation.network_report import ReportPlan, score_stills, score_videos
from sali_core.evaluation.report import markdown_table
from sali_core.stream.model import StreamModel
from sali_core.training.recipe import Recipe
from sali_core.training.run import prepare_run
from sali_core.weights.facts import file_sha256

VARIANTS = ("without_sam_lim", "without_sam", "without_lim", "without_ma", "without_fa", "full")
FIGURES = ("single_frames", "clean", "outside_stretches", "inside_stretches")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class VariantScore:
    """Mean Dice of one trained variant; each attribute but the first two is one of `FIGURES`."""

    variant: str
    seed: int
    single_frames: float
    clean: float
    outside_stretches: float
    inside_stretches: float


def run_ablation(
    recipe: Recipe,
    variants: Sequence[str],
    seeds: Sequence[int],
    plan: ReportPlan,
    *,
    out: Path,
    device: torch.device,
    progress: Progress,
) -> list[VariantScore]:
    """Train every variant with every seed and score it; a stopped ablation goes on.

    Args:
        recipe: The budget; its variant, seed and folder are replaced.
        variants: Names of `ModelConfig.ablation`.
        seeds: Of weights, clips and memory kinds.
        plan: The videos to score on.
        out: Folder of the runs, `VARIANT-seedN` each.
        device: To train on.
        progress: Called with (run, steps done, steps).

    Raises:
        ConfigError: The recipe starts from whole weights, or is of another topology.
        DatasetError: The data is no folder of stills with a split `val`.
    """
    if recipe.run.start:
        raise ConfigError(
            "an ablation cannot start from weights of the whole network: variants differ; "
            "give --backbone-weights"
        )
    stills = StillFolder(Path(recipe.data.root), "val")
    scores = []
    for seed in seeds:
        for variant in variants:
            folder = out / f"{variant}-seed{seed}"
            _train(_vary(recipe, variant, seed, folder), device, progress)
            scores.append(_kept_score(folder, variant, seed, stills, plan, device))
    return scores


def table(scores: Sequence[VariantScore]) -> str:
    """Return a Markdown table: mean and standard deviation over seeds, Dice in percent."""
    rows = [["variant", "seeds", *(name.replace("_", " ") for name in FIGURES)]]
    for variant in dict.fromkeys(score.variant for score in scores):
        of_variant = [score for score in scores if score.variant == variant]
        cells = [_spread([getattr(score, name) for score in of_variant]) for name in FIGURES]
        rows.append([variant, str(len(of_variant)), *cells])
    return markdown_table(rows) + "\n"


def to_json(recipe: Recipe, plan: ReportPlan, scores: Sequence[VariantScore]) -> dict[str, Any]:
    """Return the budget and every score as plain JSON values."""
    return {
        "recipe": recipe.to_dict(),
        "plan": vars(plan),
        "scores": [vars(score) for score in scores],
    }


def _vary(recipe: Recipe, variant: str, seed: int, folder: Path) -> Recipe:
    return replace(
        recipe,
        run=replace(recipe.run, name=f"{variant}-seed{seed}", out=str(folder)),
        # Scored at the size it was trained at, not at the profile's.
        model=replace(recipe.model, ablation=variant, input_size=recipe.train.size),
        train=replace(recipe.train, seed=seed),
    )


def _train(recipe: Recipe, device: torch.device, progress: Progress) -> None:
    prepared = prepare_run(recipe, device=device)
    steps = prepared.recipe.train.steps
    name = recipe.run.name
    if prepared.trainer.step >= steps:
        progress(name, steps, steps)
        return
    prepared.trainer.run(
        prepared.data.clips,
        prepared.data.validation,
        lambda event: progress(name, event.step, steps),
    )


def _kept_score(
    folder: Path,
    variant: str,
    seed: int,
    stills: StillFolder,
    plan: ReportPlan,
    device: torch.device,
) -> VariantScore:
    """Score a trained variant, or take the score that an earlier start left of these weights."""
    weights = folder / "last.safetensors"
    basis = {
        "weights": file_sha256(weights),
        "plan": asdict(plan),
        "stills": [stills.name(index) for index in range(len(stills))],
    }
    path = folder / "score.json"
    if path.exists():
        with suppress(ValueError, KeyError, TypeError):  # damaged: scored again
            kept = json.loads(path.read_text())
            if kept["basis"] == basis:
                return VariantScore(**kept["score"])
    score = _score(create_engine(weights, str(device), engine="eager"), variant, seed, stills, plan)
    path.write_text(json.dumps({"basis": basis, "score": asdict(score)}, indent=2) + "\n")
    return score


def _score(
    model: StreamModel, variant: str, seed: int, stills: StillFolder, plan: ReportPlan
) -> VariantScore:
    def silent(_part: str, _done: int, _total: int) -> None:
        """The bar shows training only."""

    single = score_stills(model, stills, silent)["all"]["dice"]
    clean = score_videos(model, stills, plan, 0, silent)
    spoilt = score_videos(model, stills, plan, plan.stretches, silent)
    return VariantScore(
        variant,
        seed,
        single_frames=single,
        clean=float(clean["dice_outside_stretches"] or 0.0),
        outside_stretches=float(spoilt["dice_outside_stretches"] or 0.0),
        inside_stretches=float(spoilt["dice_inside_stretches"] or 0.0),
    )


def _spread(values: Sequence[float]) -> str:
    mean = 100 * statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.1f}"
    return f"{mean:.1f} ± {100 * statistics.stdev(values):.1f}"
