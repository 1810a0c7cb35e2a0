"""`sali predict` on small real files, and what it says when it cannot."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from sali_core.config import ModelConfig, get_profile
from sali_core.data.resizing import resize_map
from sali_core.model.build import create_network
from sali_core.weights.store import WeightsHeader, save_weights
from server import cli
from tests.fakes.video_files import write_video

SIZE = 128
GREEN = "tests.fakes.green_model:create"

Picture = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    # The command sets it for the time after this test, too.
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    # Threads wait for each other in a busy loop: slow where other work runs beside the tests.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _save(folder: Path, config: ModelConfig, profile: str) -> Path:
    torch.manual_seed(0)
    path = folder / "tiny.safetensors"
    header = WeightsHeader("tiny", profile, 0.5, config)
    save_weights(path, create_network(config), header, half=False)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = ModelConfig.from_dict(get_profile("small").to_dict() | {"input_size": SIZE})
    return _save(tmp_path_factory.mktemp("paper"), config, "small")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    values = get_profile("released").to_dict() | {"backbone": "mobilenetv2_100", "input_size": 256}
    config = ModelConfig.from_dict(values)
    return _save(tmp_path_factory.mktemp("released"), config, "released")


class Sali:
    """Runs `sali predict` in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.out = self.err = ""

    def predict(self, source: Path, out: Path, *options: str | Path) -> int:
        arguments = ["sali", "predict", "--source", source, "--out", out, *options]
        self._monkeypatch.setattr(sys, "argv", list(map(str, arguments)))
        self._capsys.readouterr()
        status = 0
        try:
            cli.main()
        except SystemExit as exc:
            status = int(exc.code or 0)
        self.out, self.err = self._capsys.readouterr()
        return status

    def error(self, source: Path, out: Path, *options: str | Path) -> str:
        """Fail, and return the last line on standard error."""
        assert self.predict(source, out, *options) == 1
        assert "Traceback" not in self.err
        line = self.err.strip().splitlines()[-1]
        assert line.startswith("sali: error: ")
        return line


@pytest.fixture
def sali(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sali:
    return Sali(monkeypatch, capsys)


def _pictures(count: int, size: tuple[int, int] = (SIZE, SIZE)) -> list[Picture]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(count)]


def _write(folder: Path, pictures: list[Picture]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"f{number}.png")
    return folder


def _files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_every_folder_is_a_clip_with_a_memory_of_its_own(
    sali: Sali, weights: Path, tmp_path: Path
) -> None:
    source, out = tmp_path / "in", tmp_path / "deep/out"
    one, two, three = _pictures(3)
    _write(source / "a", [one, two, three])
    _write(source / "b/left", [one, two])
    _write(source / "c", [two])
    assert sali.predict(source, out, "--weights", weights, "--format", "npy") == 0
    assert _files(out) == [
        "a/f0.npy", "a/f1.npy", "a/f2.npy", "b/left/f0.npy", "b/left/f1.npy", "c/f0.npy",
    ]  # fmt: skip
    maps = {name: np.load(out / name) for name in _files(out)}
    assert {(m.dtype.name, m.shape) for m in maps.values()} == {("float32", (SIZE, SIZE))}
    np.testing.assert_array_equal(maps["a/f0.npy"], maps["b/left/f0.npy"])
    np.testing.assert_array_equal(maps["a/f1.npy"], maps["b/left/f1.npy"])
    # What came before counts: the same picture as a first frame gives something else.
    assert np.abs(maps["a/f1.npy"] - maps["c/f0.npy"]).max() > 1e-4
    assert "Not a medical device." in sali.err
    assert "6 frames, 3 clip(s)" in sali.err
    assert sali.out == ""


def test_png_is_the_probability_at_the_size_of_each_picture(
    sali: Sali, weights: Path, tmp_path: Path
) -> None:
    source = _write(tmp_path / "in", _pictures(1, (50, 90)) + _pictures(1, (70, 40)))
    assert sali.predict(source, tmp_path / "png", "--weights", weights) == 0
    options = ("--weights", weights, "--format", "npy")
    assert sali.predict(source, tmp_path / "npy", *options) == 0
    for name, size in (("f0", (50, 90)), ("f1", (70, 40))):
        with Image.open(tmp_path / f"png/{name}.png") as image:
            assert image.mode == "L"
            grey = np.asarray(image).astype(np.float32)
        assert grey.shape == size
        probability = 1 / (1 + np.exp(-np.load(tmp_path / f"npy/{name}.npy")))
        assert np.abs(grey / 255 - resize_map(probability, size)).max() <= 0.51 / 255


def test_a_video_gives_what_its_pictures_give(sali: Sali, weights: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", frames=7)
    with av.open(str(video)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    folder = _write(tmp_path / "in", pictures)
    options = ("--weights", weights, "--format", "npy")
    assert sali.predict(video, tmp_path / "v", *options) == 0
    assert sali.predict(folder, tmp_path / "p", *options) == 0
    assert _files(tmp_path / "v") == [f"{number:06d}.npy" for number in range(7)]
    for number in range(7):
        from_video = np.load(tmp_path / f"v/{number:06d}.npy")
        np.testing.assert_array_equal(from_video, np.load(tmp_path / f"p/f{number}.npy"))


def test_one_picture_is_a_clip(sali: Sali, tmp_path: Path) -> None:
    source = _write(tmp_path / "in", _pictures(2)) / "f1.png"
    assert sali.predict(source, tmp_path / "out", "--model", GREEN) == 0
    assert _files(tmp_path / "out") == ["f1.png"]


def test_stats_tell_what_memory_holds(sali: Sali, weights: Path, tmp_path: Path) -> None:
    source = tmp_path / "in"
    _write(source / "a", _pictures(5))
    _write(source / "b", _pictures(1))
    options = ("--weights", weights, "--stats", "--write-every", "2")
    assert sali.predict(source, tmp_path / "out", *options) == 0
    header, *_ = sali.out.splitlines()
    assert header == "clip,frame,tokens_8,tokens_16,tokens_32,frames_held,step_ms"
    rows = list(csv.DictReader(sali.out.splitlines()))
    assert [(row["clip"], row["frame"]) for row in rows] == [
        ("a", "f0"), ("a", "f1"), ("a", "f2"), ("a", "f3"), ("a", "f4"), ("b", "f0"),
    ]  # fmt: skip
    assert [row["frames_held"] for row in rows] == ["1", "1", "2", "2", "3", "1"]
    tokens = [int(row["tokens_8"]) for row in rows]
    assert tokens[0] == tokens[1] == tokens[5] > 0
    assert tokens[2] > tokens[1]
    assert all(float(row["step_ms"]) > 0 for row in rows)


def test_reference_mode_looks_ahead_and_live_mode_does_not(
    sali: Sali, released: Path, tmp_path: Path
) -> None:
    one, two, three = _pictures(3, (256, 256))
    source = tmp_path / "in"
    _write(source / "a", [one, two])
    _write(source / "b", [one, three])
    options = ("--weights", released, "--format", "npy", "--stats")
    assert sali.predict(source, tmp_path / "ref", *options, "--mode", "reference") == 0
    rows = list(csv.DictReader(sali.out.splitlines()))
    assert [row["tokens_8"] for row in rows] == ["1024"] * 4
    assert [row["frames_held"] for row in rows] == ["1"] * 4
    assert sali.predict(source, tmp_path / "live", *options) == 0
    rows = list(csv.DictReader(sali.out.splitlines()))
    assert [row["tokens_32"] for row in rows] == ["64"] * 4

    def differ(mode: str) -> float:
        first = [np.load(tmp_path / mode / clip / "f0.npy") for clip in ("a", "b")]
        return float(np.abs(first[0] - first[1]).max())

    assert differ("live") == 0
    assert differ("ref") > 1e-4


def test_another_model_can_be_run(sali: Sali, tmp_path: Path) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:, 48:, 1] = 255
    source = _write(tmp_path / "in", [picture])
    assert sali.predict(source, tmp_path / "out", "--model", GREEN, "--stats") == 0
    assert sali.out.splitlines()[1].startswith(".,f0,,,,,")
    with Image.open(tmp_path / "out/f0.png") as image:
        grey = np.asarray(image)
    assert grey.shape == (64, 96)
    assert grey[0, 0] == 0
    assert grey[0, -1] == 255


def test_reference_mode_of_the_papers_network_is_refused(
    sali: Sali, weights: Path, tmp_path: Path
) -> None:
    source = _write(tmp_path / "in", _pictures(1))
    line = sali.error(source, tmp_path / "o", "--weights", weights, "--mode", "reference")
    assert "needs no future frame; use mode 'live'" in line
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("option", [("--write-every", "3"), ("--mode", "reference")])
def test_sali_options_are_refused_for_another_model(
    sali: Sali, tmp_path: Path, option: tuple[str, str]
) -> None:
    source = _write(tmp_path / "in", _pictures(1))
    assert "are for model 'sali'" in sali.error(source, tmp_path / "o", "--model", GREEN, *option)


def test_a_model_that_is_not_there_is_named(sali: Sali, tmp_path: Path) -> None:
    source = _write(tmp_path / "in", _pictures(1))
    assert "'nope' is not installed" in sali.error(source, tmp_path / "o", "--model", "nope")


def test_a_missing_source_is_named(sali: Sali, tmp_path: Path) -> None:
    assert "no such file or folder" in sali.error(tmp_path / "no", tmp_path / "o")


def test_an_empty_folder_is_named(sali: Sali, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert "no pictures in this folder" in sali.error(tmp_path / "in", tmp_path / "o")


def test_a_file_that_is_no_video_is_named(sali: Sali, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert "holds no video" in sali.error(tmp_path / "notes.txt", tmp_path / "o")


def test_a_damaged_picture_ends_it_and_what_was_written_stays(sali: Sali, tmp_path: Path) -> None:
    source = _write(tmp_path / "in", _pictures(3))
    (source / "f2.png").write_bytes((source / "f2.png").read_bytes()[:99])
    line = sali.error(source, tmp_path / "o", "--model", GREEN)
    assert "f2.png: cannot be read as a picture" in line
    assert f"the 2 maps written before stay in {tmp_path / 'o'}" in line
    assert _files(tmp_path / "o") == ["f0.png", "f1.png"]


@pytest.mark.parametrize("out", ["in", "in/a/maps", "in/../in/b"])
def test_maps_never_go_into_the_source_folder(sali: Sali, tmp_path: Path, out: str) -> None:
    source = _write(tmp_path / "in", _pictures(1))
    line = sali.error(source, tmp_path / out, "--model", GREEN, "--force")
    assert "is in the source folder" in line


def test_a_clip_never_lands_in_the_source_folder(sali: Sali, tmp_path: Path) -> None:
    # The output holds the source, whose clip has the source's own name.
    source = tmp_path / "in"
    _write(source / "in", _pictures(1))
    assert "is in the source folder" in sali.error(source, tmp_path, "--model", GREEN, "--force")


def test_a_picture_is_never_overwritten_by_its_own_map(sali: Sali, tmp_path: Path) -> None:
    source = _write(tmp_path, _pictures(1)) / "f0.png"
    line = sali.error(source, tmp_path, "--model", GREEN, "--force")
    assert "would be overwritten" in line


@pytest.mark.parametrize("is_video", [False, True])
def test_maps_that_exist_are_overwritten_only_by_force(
    sali: Sali, tmp_path: Path, is_video: bool
) -> None:
    source = (
        write_video(tmp_path / "v.mp4", frames=2)
        if is_video
        else _write(tmp_path / "in", _pictures(2))
    )
    out = tmp_path / "out"
    assert sali.predict(source, out, "--model", GREEN) == 0
    before = {name: (out / name).read_bytes() for name in _files(out)}
    (out / _files(out)[0]).write_bytes(b"old")
    assert "--force to overwrite" in sali.error(source, out, "--model", GREEN)
    assert (out / _files(out)[0]).read_bytes() == b"old"
    # Maps of the other kind have other names.
    assert sali.predict(source, out, "--model", GREEN, "--format", "npy") == 0
    assert sali.predict(source, out, "--model", GREEN, "--force") == 0
    assert {name: (out / name).read_bytes() for name in before} == before


def test_an_output_that_is_a_file_is_refused(sali: Sali, tmp_path: Path) -> None:
    source = _write(tmp_path / "in", _pictures(1))
    (tmp_path / "o").write_text("")
    assert "is a file; give a folder" in sali.error(source, tmp_path / "o", "--model", GREEN)


def test_an_output_that_cannot_be_made_is_named(sali: Sali, tmp_path: Path) -> None:
    source = _write(tmp_path / "in", _pictures(1))
    (tmp_path / "file").write_text("")
    line = sali.error(source, tmp_path / "file/o", "--model", GREEN)
    assert "cannot be written: Not a directory" in line


def test_a_frame_must_enter_memory_now_and_then(sali: Sali, tmp_path: Path) -> None:
    source = _write(tmp_path / "in", _pictures(1))
    assert sali.predict(source, tmp_path / "o", "--write-every", "0") == 2
