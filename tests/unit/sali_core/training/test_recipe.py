from __future__ import annotations

from pathlib import Path

import pytest

from sali_core.config import get_profile
from sali_core.errors import ConfigError
from sali_core.training.recipe import parse_setting, read_recipe

CONFIGS = Path(__file__).parents[4] / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_we_ship_can_be_read(path: Path) -> None:
    assert read_recipe(path).run.folder == Path("runs") / read_recipe(path).run.name


def test_the_papers_recipe_is_section_2_3() -> None:
    recipe = read_recipe(CONFIGS / "paper.toml")
    assert recipe.model == get_profile("paper")
    train = recipe.train
    assert (train.lr, train.backbone_lr, train.schedule, train.warm_up) == (
        1e-4,
        1e-4,
        "constant",
        0,
    )
    assert (train.weight_decay, train.clip_gradients) == (1e-4, 0.5)
    assert (train.epochs, train.batch, train.size, train.average) == (30, 14, 352, 0.0)


def test_the_released_recipe_trains_the_released_network() -> None:
    recipe = read_recipe(CONFIGS / "released.toml")
    assert recipe.model == get_profile("released")
    assert recipe.train.drop_path == 0.3


def test_single_settings_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(
        '[train]\nlr = 0.5\nseed = 3\n[train.memory]\nwrong = 0.2\n[model]\nprofile = "paper-b0"\n'
    )
    recipe = read_recipe(
        path,
        {
            "train.lr": 0.25, "train.memory.missing": 0.0, "model.ablation": "without_sam",
            "run.out": "there", "train.batch": None,
        },
    )  # fmt: skip
    assert (recipe.train.lr, recipe.train.seed, recipe.train.batch) == (0.25, 3, 8)
    assert (recipe.train.memory.missing, recipe.train.memory.wrong) == (0.0, 0.2)
    assert (recipe.model.backbone, recipe.model.ablation) == ("pvt_v2_b0", "without_sam")
    assert recipe.run.folder == Path("there")


def test_the_length_given_last_counts(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("[train]\nepochs = 30\n")
    assert read_recipe(path).train.epochs == 30
    shorter = read_recipe(path, {"train.steps": 7}).train
    assert (shorter.steps, shorter.epochs) == (7, None)
    assert read_recipe(path, {"train.epochs": 2}).train.epochs == 2


def test_a_written_recipe_is_plain_values() -> None:
    written = read_recipe(None).to_dict()
    assert set(written) == {"run", "profile", "model", "train", "data"}
    assert written["train"]["memory"]["empty_bank"] == 0.25
    assert written["model"] == get_profile("small").to_dict()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[trian]\nlr = 1", r"unknown setting 'trian'.*did you mean 'train'"),
        ("[model]\nbackbon = 'x'", "did you mean 'backbone'"),
        ("[model]\nprofile = 'smal'", "unknown profile 'smal'"),
        ("[train]\nsteps = 3\nepochs = 1", "steps or train.epochs, not both"),
        ("lr = 1", "unknown setting 'lr'"),
        ("train = 1", r"\[train\] must be a table"),
        ("[train", "not a TOML file"),
        ("[model]\nprofile = 'released'\n[train]\nsize = 64", "train.size must be at least 225"),
        ("[run]\nstart = 'a'\nbackbone_weights = 'b'", "not both"),
        ("[data]\nclip_frames = 0", "clip_frames must be at least 1"),
        ("[data]\nhold_back = 0.9", "hold_back must be in"),
    ],
)
def test_a_recipe_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_recipe(path)


def test_a_missing_recipe_is_named() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: no such file"):
        read_recipe(Path("nowhere.toml"))


def test_settings_on_the_command_line_are_written_as_in_toml() -> None:
    assert parse_setting("train.average=0.99") == ("train.average", 0.99)
    assert parse_setting("run.name = mine") == ("run.name", "mine")
    assert parse_setting("run.tensorboard=true") == ("run.tensorboard", True)
    for wrong in ("average=1", "train.average"):
        with pytest.raises(ConfigError, match=r"section\.name=value"):
            parse_setting(wrong)
