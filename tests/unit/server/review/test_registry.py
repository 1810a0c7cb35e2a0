from __future__ import annotations

from pathlib import Path

import pytest

from server.errors import ReviewLimitError, ReviewNotFoundError, SourceRefusedError
from server.media.source import check_source
from server.review.registry import ReviewRegistry
from tests.fakes.coded_film import write_coded_film
from tests.unit.server.review.conftest import House


def table(house: House, max_reviews: int = 2) -> ReviewRegistry:
    return ReviewRegistry(
        house.make,
        check_source=check_source,
        max_reviews=lambda: max_reviews,
        now_ns=house.clock.monotonic_ns,
    )


def films(folder: Path, number: int) -> list[str]:
    first = write_coded_film(folder / "film0.mp4", 3)
    for index in range(1, number):
        (folder / f"film{index}.mp4").write_bytes(first.read_bytes())
    return [str(folder / f"film{index}.mp4") for index in range(number)]


async def test_a_file_is_reviewed_once_as_long_as_it_stays_the_same(
    house: House, tmp_path: Path
) -> None:
    reviews = table(house)
    [film] = films(tmp_path, 1)
    first, is_new = await reviews.open(film)
    assert is_new
    assert await reviews.open(film) == (first, False)
    write_coded_film(tmp_path / "film0.mp4", 4)
    second, is_new = await reviews.open(film)
    assert is_new
    assert second is not first


async def test_a_failed_review_is_begun_again(house: House, tmp_path: Path) -> None:
    reviews = table(house)
    [film] = films(tmp_path, 1)
    house.limit_bytes = 100
    first, _ = await reviews.open(film)
    await first.wait()
    assert first.is_failed
    house.limit_bytes = 1 << 20
    second, is_new = await reviews.open(film)
    assert is_new
    assert reviews.reviews == [second]


async def test_the_review_used_longest_ago_makes_room(house: House, tmp_path: Path) -> None:
    reviews = table(house)
    one, two, three = films(tmp_path, 3)
    first, _ = await reviews.open(one)
    second, _ = await reviews.open(two)
    with pytest.raises(ReviewLimitError, match="SALI_REVIEW__MAX_REVIEWS"):
        await reviews.open(three)
    await house.clock.advance(100)
    assert reviews.get(first.identity.id) is first
    third, _ = await reviews.open(three)
    assert reviews.reviews == [first, third]
    with pytest.raises(ReviewNotFoundError):
        reviews.get(second.identity.id)


@pytest.mark.parametrize("source", ["demo", "rtsp://camera/stream", "/dev/video0", "whip"])
async def test_only_files_are_reviewed(house: House, source: str) -> None:
    with pytest.raises(SourceRefusedError, match="only a video file"):
        await table(house).open(source)
