from __future__ import annotations

import numpy as np
import pytest

from sali_core.data.phantom import draw_frame_code, read_frame_code
from sali_core.errors import ShapeError


def noise_image(height: int = 96, width: int = 320) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("number", [0, 1, 2, 255, 256, 0x5555, 0xAAAA, 0x8000, 0xFFFF])
def test_number_drawn_is_the_number_read(number: int) -> None:
    image = noise_image()
    draw_frame_code(image, number)
    assert read_frame_code(image) == number


def test_numbers_wrap_after_sixteen_bits() -> None:
    image = noise_image()
    draw_frame_code(image, 65536 + 7)
    assert read_frame_code(image) == 7


def test_code_fills_the_documented_corner_and_nothing_else() -> None:
    image = noise_image()
    before = image.copy()
    draw_frame_code(image, 0b1000_0000_0000_0000)
    changed = (image != before).any(axis=2)
    assert not changed[:-32].any()
    assert not changed[:, 256:].any()
    assert (image[-32:-16, :16] == 235).all(), "first bit is set in the upper row"
    assert (image[-16:, :16] == 16).all(), "and clear in the lower one"
    assert (image[-32:-16, 16:256] == 16).all()


def test_picture_without_a_code_reads_as_none() -> None:
    assert read_frame_code(noise_image()) is None
    assert read_frame_code(np.zeros((96, 320, 3), dtype=np.uint8)) is None


def test_one_damaged_bit_reads_as_none() -> None:
    image = noise_image()
    draw_frame_code(image, 1234)
    image[-16:, 32:48] = 255 - image[-16:, 32:48]
    assert read_frame_code(image) is None


def test_code_is_read_from_a_scaled_picture_given_its_box() -> None:
    image = noise_image(96, 320)
    draw_frame_code(image, 31337)
    half = image.reshape(48, 2, 160, 2, 3).mean(axis=(1, 3)).astype(np.uint8)
    assert read_frame_code(half, box=(0, 48 - 16, 128, 16)) == 31337
    large = image.repeat(3, axis=0).repeat(3, axis=1)
    assert read_frame_code(large, box=(0, 3 * 64, 768, 96)) == 31337


def test_box_outside_the_picture_reads_as_none() -> None:
    image = noise_image()
    draw_frame_code(image, 5)
    assert read_frame_code(image, box=(200, 64, 256, 32)) is None


def test_image_too_small_for_the_code_is_refused() -> None:
    with pytest.raises(ShapeError, match="256 x 32"):
        draw_frame_code(np.zeros((64, 255, 3), dtype=np.uint8), 1)
