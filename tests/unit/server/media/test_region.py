from __future__ import annotations

import pytest

from server.errors import RegionError
from server.media.region import (
    AUTO,
    FULL,
    fit_rectangle,
    parse_region,
    rectangle_choice,
    require_within,
)


def test_a_region_is_read_as_people_write_it() -> None:
    assert parse_region("auto") == AUTO
    assert parse_region(" Full ") == FULL
    assert parse_region("10, 20,300,200") == rectangle_choice(10, 20, 300, 200)


@pytest.mark.parametrize(
    "text", ["", "half", "1,2,3", "-1,0,100,100", "0,0,31,100", "0,0,100,x", "1,2,300,200,5"]
)
def test_a_region_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(RegionError, match="region"):
        parse_region(text)


@pytest.mark.parametrize(
    ("rectangle", "fitted"),
    [
        ((10, 20, 300, 200), (10, 20, 300, 200)),
        ((11, 21, 300, 200), (10, 20, 302, 202)),
        ((500, 400, 300, 200), (500, 400, 140, 80)),
        ((0, 0, 9999, 9999), (0, 0, 640, 480)),
        ((620, 0, 100, 100), (0, 0, 640, 480)),
        ((700, 500, 100, 100), (0, 0, 640, 480)),
    ],
)
def test_a_rectangle_is_cut_to_the_picture_on_even_pixels(
    rectangle: tuple[int, int, int, int], fitted: tuple[int, int, int, int]
) -> None:
    assert fit_rectangle(rectangle, (640, 480)) == fitted


def test_a_rectangle_outside_the_picture_is_refused() -> None:
    require_within(AUTO, (640, 480))
    require_within(rectangle_choice(600, 0, 100, 100), (640, 480))
    with pytest.raises(RegionError, match="outside the picture of 640x480"):
        require_within(rectangle_choice(640, 0, 100, 100), (640, 480))
