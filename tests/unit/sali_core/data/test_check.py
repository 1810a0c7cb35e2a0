from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sali_core.data.check import check_data
from tests.fakes.sun_seg_tree import write_stills


@pytest.fixture
def stills(tmp_path: Path) -> Path:
    return write_stills(tmp_path / "stills")


def test_a_sound_folder_is_good_and_every_pair_is_read(stills: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = check_data(stills, threads=2, progress=lambda done, total: seen.append((done, total)))
    assert report.is_good
    assert report.opened == 3
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_broken_files_and_other_sizes_are_named(stills: Path) -> None:
    (stills / "images/a.png").write_bytes(b"junk")
    Image.fromarray(np.zeros((5, 7), np.uint8)).save(stills / "masks/b.png")
    (stills / "masks/c.png").write_bytes((stills / "masks/c.png").read_bytes()[:40])
    problems = check_data(stills).problems
    assert [str(problem.path) for problem in problems] == [
        "images/a.png",
        "masks/b.png",
        "masks/c.png",
    ]
    assert problems[0].what.startswith("cannot be read as a picture")
    assert problems[1].what == "mask is 7x5, its picture 24x16"
    assert problems[2].what.startswith("cannot be read as a picture")


def test_quick_opens_nothing(stills: Path) -> None:
    (stills / "images/a.png").write_bytes(b"junk")
    report = check_data(stills, quick=True)
    assert report.is_good
    assert report.opened == 0


def test_a_report_is_plain_values(stills: Path) -> None:
    (stills / "masks/b.png").unlink()
    report = check_data(stills).to_json()
    assert report["good"] is False
    assert report["opened"] == 2
    assert report["problems"] == [
        {"file": "masks/b.png", "what": "missing: no mask for this picture"}
    ]
