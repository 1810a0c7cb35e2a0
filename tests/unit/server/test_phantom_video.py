from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from sali_core.data.phantom import Phantom, PhantomConfig, read_frame_code
from server.commands import phantom as phantom_command
from server.masks import rle
from server.phantom_video import PhantomVideoError, main, write_phantom_video

CONFIG = PhantomConfig(width=320, height=240, seconds=1.6, fps=25.0, seed=3, frame_code=True)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("phantom")
    video, truth = folder / "scene.mp4", folder / "scene.jsonl"
    write_phantom_video(CONFIG, video, truth)
    return video, truth


def run_module(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "server.phantom_video", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=180, check=False, **options
    )


def test_frame_codes_and_pictures_survive_h264(written: tuple[Path, Path]) -> None:
    scene = Phantom(CONFIG)
    with av.open(str(written[0])) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert [read_frame_code(frame) for frame in frames] == list(range(40))
    for number in (0, 17, 39):
        wanted = scene.render(number).image.astype(int)
        assert np.abs(frames[number] - wanted).mean() < 8.0


def test_stream_has_a_keyframe_each_second_and_no_b_frames(written: tuple[Path, Path]) -> None:
    with av.open(str(written[0])) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert "Baseline" in str(stream.codec_context.profile)
        assert stream.average_rate == 25
        assert stream.codec_context.pix_fmt == "yuv420p"
        packets = [packet for packet in container.demux(stream) if packet.size]
    assert [index for index, packet in enumerate(packets) if packet.is_keyframe] == [0, 25]
    assert all(packet.pts == packet.dts for packet in packets)


@pytest.mark.parametrize("fps", [10.0, 30.0, 59.94])
def test_pictures_last_as_long_as_their_rate_says(fps: float, tmp_path: Path) -> None:
    out = tmp_path / "scene.mp4"
    write_phantom_video(PhantomConfig(width=64, height=64, seconds=1, fps=fps, seed=3), out)
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        assert float(stream.average_rate or 0) == pytest.approx(fps, rel=1e-3)
        times = [frame.time for frame in container.decode(stream)]
    assert np.diff(times) == pytest.approx(1 / fps, abs=1e-3)


def test_truth_lines_are_the_masks_of_the_frames(written: tuple[Path, Path]) -> None:
    scene = Phantom(CONFIG)
    lines = [json.loads(line) for line in written[1].read_text().splitlines()]
    assert [line["frame"] for line in lines] == list(range(40))
    for line in lines[::13]:
        frame = scene.render(line["frame"])
        height, width = line["rle"]["size"]
        assert line["kind"] == frame.kind
        assert np.array_equal(rle.decode(line["rle"]["counts"], height, width), frame.mask)


def test_only_the_finished_files_remain(written: tuple[Path, Path]) -> None:
    assert sorted(path.name for path in written[0].parent.iterdir()) == [
        "scene.jsonl",
        "scene.mp4",
    ]


@pytest.mark.parametrize(
    ("change", "out", "message"),
    [
        ({"width": 321}, "a.mp4", "even width and height, not 321 x 240"),
        ({"height": 241}, "a.mp4", "even"),
        ({}, "a.avi", "must end in .mp4 or .mkv"),
        ({}, "missing/a.mp4", "does not exist"),
        ({}, "folder.mp4", "is a folder"),
    ],
)
def test_impossible_orders_are_refused_before_rendering(
    tmp_path: Path, change: dict[str, int], out: str, message: str
) -> None:
    (tmp_path / "folder.mp4").mkdir()
    config = PhantomConfig(**{"width": 320, "height": 240, "seconds": 1e4, **change})
    with pytest.raises(PhantomVideoError, match=message):
        write_phantom_video(config, tmp_path / out)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.mp4"]


def test_video_and_truth_in_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PhantomVideoError, match="two different files"):
        write_phantom_video(CONFIG, tmp_path / "a.mp4", tmp_path / "a.mp4")


def test_module_tells_its_progress(tmp_path: Path) -> None:
    arguments = ["--seconds", "0.2", "--width", "128", "--height", "96", "--no-polyps"]
    done = run_module("--out", str(tmp_path / "a.mkv"), *arguments)
    assert done.returncode == 0
    assert done.stderr.splitlines() == [f"frame {number}/5" for number in range(1, 6)]
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--width", "63"], "width must be 64 to 4096"),
        (["--width", "321"], "even"),
        (["--seconds", "0"], "seconds"),
        (["--fps", "900"], "fps"),
    ],
)
def test_main_says_what_is_wrong_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert main(["--out", str(tmp_path / "a.mp4"), *arguments]) == 1
    finally:
        signal.signal(signal.SIGTERM, handler)
    error = capsys.readouterr().err
    assert error.startswith("phantom: error: ")
    assert error.count("\n") == 1
    assert message in error


def test_full_disk_ends_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    import resource

    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    arguments = ["--seconds", "4", "--width", "320", "--height", "240"]
    done = run_module("--out", str(tmp_path / "a.mp4"), *arguments, preexec_fn=limit_files)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "writing failed" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_terminated_rendering_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "server.phantom_video", "--out", str(tmp_path / "a.mp4")]
    command += ["--seconds", "60", "--width", "128", "--height", "96"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("frame ")
        os.kill(process.pid, signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(60) == 143
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []


def test_command_for_people_writes_the_same_files(tmp_path: Path) -> None:
    app = Typer()
    app.command()(phantom_command.command)
    out, truth = tmp_path / "a.mp4", tmp_path / "a.jsonl"
    size = ["--seconds", "0.2", "--width", "128", "--height", "96", "--no-polyps"]
    result = CliRunner().invoke(app, ["-o", str(out), "--truth", str(truth), *size])
    assert result.exit_code == 0, result.output
    assert "5 frames" in result.output
    assert len(truth.read_text().splitlines()) == 5
    with av.open(str(out)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 5
