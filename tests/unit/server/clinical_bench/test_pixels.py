from __future__ import annotations

from pathlib import Path

import pytest

from server.bench.coded_video import CodedVideo, VideoShape, write_coded_video
from server.clinical_bench.pixels import compare_pictures
from server.errors import BenchError

SHAPE = VideoShape(480, 240, fps=10, seconds=1, kbps=500)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> CodedVideo:
    file = tmp_path_factory.mktemp("video") / "coded.mp4"
    write_coded_video(file, SHAPE)
    return CodedVideo.read(file)


def test_pictures_that_came_unchanged_are_identical_over_the_loops_end(video: CodedVideo) -> None:
    check = compare_pictures([*video.pictures, *video.pictures[:3]], video)
    assert check.is_identical
    assert check.pictures == 13
    assert check.to_dict()["identical"] is True


def test_pictures_of_another_encoding_are_foreign(video: CodedVideo, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    write_coded_video(other, VideoShape(480, 240, fps=10, seconds=1, kbps=200))
    check = compare_pictures(list(CodedVideo.read(other).pictures), video)
    assert check.unknown == 10
    assert not check.is_identical


def test_a_picture_lost_on_the_way_shows_in_those_that_build_on_it(video: CodedVideo) -> None:
    check = compare_pictures([*video.pictures[:2], *video.pictures[3:]], video)
    assert check.differing > 0
    assert check.largest > 0
    assert not check.is_identical


def test_what_cannot_be_decoded_is_told(video: CodedVideo) -> None:
    with pytest.raises(BenchError, match="decoded"):
        compare_pictures([video.pictures[1]], video)
