from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from server.errors import MaskDecodeError
from server.masks import rle


def text_of_runs(runs: list[int]) -> str:
    """The COCO API's `rleToString`, number by number, as an oracle for the vectorised form."""
    characters = []
    for index, run in enumerate(runs):
        number = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            group = number & 0x1F
            number >>= 5
            more = number != -1 if group & 0x10 else number != 0
            characters.append(chr(48 + group + (0x20 if more else 0)))
    return "".join(characters)


def runs_of_mask(mask: np.ndarray) -> list[int]:
    """Run lengths down the columns, background first, pixel by pixel."""
    runs, value = [0], False
    for pixel in mask.T.reshape(-1):
        if bool(pixel) != value:
            runs.append(0)
            value = not value
        runs[-1] += 1
    return runs


def squares() -> np.ndarray:
    mask = np.zeros((10, 10), dtype=np.bool_)
    mask[2:5, 3:6] = True
    mask[7, 7] = True
    mask[0, 0] = True
    return mask


# The strings are what pycocotools 2.0.11 writes for these masks.
@pytest.mark.parametrize(
    ("mask", "counts"),
    [
        (np.zeros((352, 352), dtype=np.bool_), "PPi3"),
        (np.ones((4, 4), dtype=np.bool_), "0`0"),
        (np.eye(6, dtype=np.bool_), "016000000000"),
        (squares(), "01o02XO000?N0"),
    ],
)
def test_strings_are_those_of_the_coco_api(mask: np.ndarray, counts: str) -> None:
    assert rle.encode(mask) == counts
    assert np.array_equal(rle.decode(counts, *mask.shape), mask)


masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(masks)
def test_every_mask_comes_back_and_reads_as_the_reference_writes_it(mask: np.ndarray) -> None:
    counts = rle.encode(mask)
    assert counts == text_of_runs(runs_of_mask(mask))
    assert np.array_equal(rle.decode(counts, *mask.shape), mask)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_large_masks_come_back(seed: int, density: float) -> None:
    mask = np.random.default_rng(seed).random((480, 640)) < density
    assert np.array_equal(rle.decode(rle.encode(mask), 480, 640), mask)


def test_non_contiguous_masks_are_encoded_by_their_values() -> None:
    mask = squares()
    assert rle.encode(mask[::-1].T) == rle.encode(np.ascontiguousarray(mask[::-1].T))


@given(st.text(max_size=30))
def test_foreign_text_is_a_mask_or_an_error(text: str) -> None:
    try:
        mask = rle.decode(text, 6, 7)
    except MaskDecodeError:
        return
    assert mask.shape == (6, 7)
    assert mask.dtype == np.bool_


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ("", "no run lengths"),
        ("PPi", "cut off"),
        ("PPi3 ", "outside its alphabet"),
        ("PPi3\x7f", "outside its alphabet"),
        ("PPé3", "not ASCII"),
        ("PPi30", None),
        ("PPi31", "sum to 123905"),
        ("0", "sum to 0"),
        (text_of_runs([10, 5, -3, 123892]), "negative"),
        ("o" * 8 + "0", "too long"),
    ],
)
def test_broken_strings_are_refused_with_a_reason(counts: str, reason: str | None) -> None:
    if reason is None:
        assert not rle.decode(counts, 352, 352).any()
        return
    with pytest.raises(MaskDecodeError, match=reason):
        rle.decode(counts, 352, 352)


@pytest.mark.parametrize(("height", "width"), [(0, 5), (5, 0), (-1, -1)])
def test_a_mask_without_pixels_is_refused(height: int, width: int) -> None:
    with pytest.raises(MaskDecodeError):
        rle.decode("0", height, width)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 3), dtype=np.uint8),
        np.zeros(9, dtype=np.bool_),
        np.zeros((0, 3), dtype=np.bool_),
    ],
)
def test_what_is_no_mask_is_not_encoded(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="bool array"):
        rle.encode(array)
