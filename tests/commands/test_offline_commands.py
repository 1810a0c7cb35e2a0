"""`sali run`, `train` and `evaluate` on small real files, and what they say when they cannot."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from sali_core.config import ModelConfig, get_profile
from sali_core.model.network import SaliNetwork
from sali_core.weights.store import WeightsHeader, load_network, save_weights
from server.masks import rle
from tests.fakes.command_line import one_line, sali


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = ModelConfig.from_dict(get_profile("small").to_dict() | {"input_size": 128})
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, SaliNetwork(config), WeightsHeader("tiny", "small", 0.5, config))
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "v.mp4"
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(7):
            image = rng.integers(0, 255, (64, 96, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_run_writes_every_frame_and_its_mask(
    monkeypatch: pytest.MonkeyPatch, weights: Path, video: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    assert sali(monkeypatch, "run", video, "-o", out, "--weights", weights) == 0
    with av.open(str(out)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 7
    assert (frames[0].width, frames[0].height) == (96, 64)
    times = [frame.time for frame in frames]
    assert times == pytest.approx([k / 25 for k in range(7)], abs=1e-3)
    lines = [json.loads(line) for line in out.with_suffix(".jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(7))
    for line in lines:
        mask = rle.decode(line["rle"]["counts"], *line["rle"]["size"])
        assert mask.shape == (128, 128)
        assert bool(line["polyps"]) == bool(mask.any())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl", "out.mp4"]


def test_run_looks_at_the_region_it_was_given(
    monkeypatch: pytest.MonkeyPatch, weights: Path, video: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    chosen = ("--weights", weights, "--region", "16,8,64,48")
    assert sali(monkeypatch, "run", video, "-o", out, *chosen) == 0
    lines = [json.loads(line) for line in out.with_suffix(".jsonl").read_text().splitlines()]
    assert [line["region"] for line in lines] == [[16, 8, 64, 48]] * 7
    for x, y, width, height in (polyp["box"] for line in lines for polyp in line["polyps"]):
        assert 16 <= x <= x + width <= 80
        assert 8 <= y <= y + height <= 56


def test_run_of_a_missing_file_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert sali(monkeypatch, "run", tmp_path / "no.mp4", "-o", tmp_path / "o.mp4") == 1
    assert "no such file" in one_line(capsys)


def test_run_of_a_file_that_is_no_video_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("hello")
    assert sali(monkeypatch, "run", text, "-o", tmp_path / "o.mp4") == 1
    assert "holds no video" in one_line(capsys)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.mp4"]


def test_run_with_a_broken_checkpoint_names_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    video: Path,
    tmp_path: Path,
) -> None:
    broken = tmp_path / "w.safetensors"
    broken.write_bytes(b"junk")
    arguments = ("run", video, "-o", tmp_path / "o.mp4", "--weights", broken)
    assert sali(monkeypatch, *arguments) == 1
    assert "w.safetensors: not a readable safetensors file" in one_line(capsys)


@pytest.mark.parametrize(
    ("name", "reason"), [("o.avi", "must end in .mp4"), ("no/o.mp4", "does not exist")]
)
def test_run_into_a_place_it_cannot_write(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    video: Path,
    tmp_path: Path,
    name: str,
    reason: str,
) -> None:
    assert sali(monkeypatch, "run", video, "-o", tmp_path / name) == 1
    assert reason in one_line(capsys)


def test_train_and_evaluate_on_a_small_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    for folder in ("images", "masks"):
        (data / folder).mkdir(parents=True)
    for number in range(4):
        mask = np.zeros((96, 96), np.uint8)
        mask[20 + number : 60, 30:70] = 255
        image = np.where(mask[..., None] > 0, 220, 60).repeat(3, -1).astype(np.uint8)
        Image.fromarray(image).save(data / f"images/{number}.png")
        Image.fromarray(mask).save(data / f"masks/{number}.png")
    out = tmp_path / "run"
    arguments = (
        "train", "--data", data, "--out", out, "--steps", "2", "--batch", "1", "--size", "64",
        "--phantoms", "1", "--validate-every", "2", "--workers", "0", "--name", "trial",
        "--device", "cpu",
    )  # fmt: skip
    assert sali(monkeypatch, *arguments) == 0
    assert load_network(out / "best.safetensors")[1].name == "trial"
    figures = tmp_path / "figures.json"
    weights = ("--weights", out / "best.safetensors", "--json", figures)
    assert sali(monkeypatch, "evaluate", "--data", data, *weights) == 0
    told = json.loads(figures.read_text())
    assert told["pictures"] == 4
    assert 0 <= told["dice"] <= 1
    assert sali(monkeypatch, *arguments) == 0
    assert "going on from step 2" in capsys.readouterr().out


def test_train_without_data_names_the_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert sali(monkeypatch, "train", "--data", tmp_path, "--out", tmp_path / "r") == 1
    assert "nor images/ and masks/" in one_line(capsys)
