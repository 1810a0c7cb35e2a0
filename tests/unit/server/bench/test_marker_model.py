from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from sali_core.data.phantom import draw_frame_code
from server.bench.marker_model import (
    PLACES,
    SIZE,
    SQUARE_PX,
    MarkerModel,
    StepTime,
    create_model,
    marker_weights,
    place_of,
)


def shrunk(number: int, size: tuple[int, int], block_px: int) -> np.ndarray:
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    draw_frame_code(picture, number, block_px=block_px)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    return frame.reformat(width=SIZE, height=SIZE).to_ndarray(format="rgb24")


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (1920, 1080)])
@pytest.mark.parametrize("number", [0, 63, 64, 249, 4321])
def test_the_square_stands_where_the_pictures_number_says(
    number: int, size: tuple[int, int], tmp_path: Path
) -> None:
    model = create_model(marker_weights(size, 24, StepTime(tmp_path / "ms", 0).file), "cpu")
    output = model.step(None, shrunk(number, size, 24))
    rows, columns = np.nonzero(output.mask)
    assert rows.size == SQUARE_PX**2
    x, y = place_of(number)
    assert (columns.min() + columns.max() + 1) / 2 == pytest.approx(x * SIZE)
    assert (rows.min() + rows.max() + 1) / 2 == pytest.approx(y * SIZE)


def test_neighbouring_numbers_have_places_apart() -> None:
    assert len({place_of(number) for number in range(PLACES)}) == PLACES
    assert place_of(PLACES) == place_of(0)


def test_a_picture_without_a_number_gives_an_empty_mask() -> None:
    output = MarkerModel((0.6, 0.2)).step(None, np.full((SIZE, SIZE, 3), 90, np.uint8))
    assert not output.mask.any()


def test_the_time_of_a_step_can_be_changed_while_the_model_runs(tmp_path: Path) -> None:
    step_time = StepTime(tmp_path / "ms", 0)
    model = MarkerModel((0.6, 0.2), step_time.file)
    model.step(None, np.zeros((SIZE, SIZE, 3), np.uint8))
    step_time.set(1)
    assert step_time.file.read_text() == "1"
    assert [one.name for one in tmp_path.iterdir()] == ["ms"]
