from __future__ import annotations

import pytest

from server.errors import ReviewError, ReviewPartNotFoundError
from server.review.film_store import SHORTEST_PART_TICKS, FilmStore
from server.review.spool import Spool
from tests.unit.server.review.conftest import HEADER

SECOND = 90_000


@pytest.fixture
def made(spool: Spool) -> FilmStore:
    return FilmStore(spool)


def spans(made: FilmStore) -> list[tuple[int, int]]:
    return [(part.from_pts, part.to_pts) for part in made.parts]


def test_a_part_ends_at_the_first_start_after_a_second(made: FilmStore) -> None:
    for index in range(6):
        made.append(b"x", index * SHORTEST_PART_TICKS // 2, can_start=True)
    made.finish()
    assert spans(made) == [(0, SECOND), (SECOND, 2 * SECOND), (2 * SECOND, 3 * SECOND)]


def test_what_comes_before_the_first_start_cannot_be_shown(made: FilmStore) -> None:
    made.append(b"lost", 0, can_start=False)
    made.append(b"first", 3600, can_start=True)
    made.finish()
    assert HEADER.unpack_from(made.read(0)) == (3600.0, 1, 5)
    assert made.read(0)[HEADER.size :] == b"first"


def test_a_part_is_told_once_it_is_whole(made: FilmStore) -> None:
    made.append(b"x", 0, can_start=True)
    assert made.parts == ()
    with pytest.raises(ReviewPartNotFoundError, match="0 parts so far"):
        made.read(0)


def test_a_film_without_starts_is_refused_with_the_cure(made: FilmStore) -> None:
    made.append(b"x", 0, can_start=True)
    with pytest.raises(ReviewError, match="ffmpeg"):
        made.append(b"x", 41 * SECOND, can_start=False)


def test_a_film_ends_a_frame_after_its_last_picture(made: FilmStore) -> None:
    for pts in (0, 7200, 3600):
        made.append(b"x", pts, can_start=pts == 0)
    made.finish()
    assert spans(made) == [(0, 10_800)]


def test_a_film_larger_than_its_room_is_refused_with_the_setting(made: FilmStore) -> None:
    with pytest.raises(ReviewError, match="SALI_REVIEW__MAX_MEGABYTES"):
        made.append(bytes(2 << 20), 0, can_start=True)
