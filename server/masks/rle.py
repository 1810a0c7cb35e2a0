"""Masks as COCO run lengths in their compressed string form.

The runs go down the columns, left to right, and begin with background (so a mask whose first
pixel is set begins with a run of 0). From the fourth run on, the difference to the run two before
is written. Each number becomes groups of five bits, lowest first, in two's complement, one
character (48 + group + 32 if another follows) a group. This is what `rleToString` of the COCO API
writes, character for character.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.errors import MaskDecodeError

_GROUP_BITS = 5
_GROUP_MASK = 0x1F
_SIGN_BIT = 0x10
_MORE_BIT = 0x20
_FIRST_CHARACTER = 48
_MAX_GROUPS = 7
"""A run of a mask below 2**31 pixels, or the difference of two, fits into 35 bits."""


def encode(mask: NDArray[np.bool_]) -> str:
    """Write a mask as compressed COCO run lengths.

    Args:
        mask: [H, W], bool, at least one pixel.

    Returns:
        ASCII characters 48 to 111.

    Raises:
        ValueError: The mask is not a two-dimensional array of bool with at least one pixel.
    """
    if mask.ndim != 2 or mask.dtype != np.bool_ or mask.size == 0:
        msg = f"a mask is a bool array [H, W], not {mask.dtype} {mask.shape}"
        raise ValueError(msg)
    pixels = mask.ravel(order="F")
    starts = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    first = [0, 0] if pixels[0] else [0]
    edges = np.concatenate((first, starts, [pixels.size]))
    return _numbers_to_text(_runs_to_numbers(np.diff(edges)))


def decode(counts: str, height: int, width: int) -> NDArray[np.bool_]:
    """Read compressed COCO run lengths.

    Args:
        counts: What `encode` wrote.
        height: Rows of the mask, at least 1.
        width: Columns of the mask, at least 1.

    Returns:
        [height, width], bool.

    Raises:
        MaskDecodeError: A character is foreign, the last number is cut off, a number is too long,
            a run is negative, or the runs do not sum to height * width.
    """
    if height < 1 or width < 1:
        raise MaskDecodeError(f"a mask of {height}x{width} pixels has no run lengths")
    runs = _numbers_to_runs(_text_to_numbers(counts))
    if runs.min() < 0:
        raise MaskDecodeError("a run of the mask has a negative length")
    total = int(runs.sum())
    if total != height * width:
        raise MaskDecodeError(f"the runs sum to {total}, not to {height}x{width} pixels")
    values = np.arange(runs.size) % 2 == 1
    return np.repeat(values, runs).reshape((height, width), order="F")


def _runs_to_numbers(runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Replace each run from the fourth on by its difference to the run two before."""
    numbers = runs.astype(np.int64)
    numbers[3:] -= runs[1:-2]
    return numbers


def _numbers_to_runs(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Invert `_runs_to_numbers`: two running sums, of the set runs and of the background runs."""
    runs = numbers.copy()
    runs[1::2] = np.cumsum(numbers[1::2])
    runs[2::2] = np.cumsum(numbers[2::2])
    return runs


def _numbers_to_text(numbers: NDArray[np.int64]) -> str:
    """Write signed numbers as groups of five bits."""
    groups = np.zeros((numbers.size, _MAX_GROUPS), dtype=np.uint8)
    written = np.zeros(groups.shape, dtype=np.bool_)
    rest = numbers.copy()
    unfinished = np.ones(numbers.size, dtype=np.bool_)
    for position in range(_MAX_GROUPS):
        group = rest & _GROUP_MASK
        rest >>= _GROUP_BITS
        more = np.where(group & _SIGN_BIT, rest != -1, rest != 0)
        groups[:, position] = group + _FIRST_CHARACTER + _MORE_BIT * more
        written[:, position] = unfinished
        unfinished &= more
        if not unfinished.any():
            break
    return groups[written].tobytes().decode("ascii")


def _text_to_numbers(text: str) -> NDArray[np.int64]:
    """Read groups of five bits as signed numbers, at least one."""
    try:
        characters = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64)
    except UnicodeEncodeError as exc:
        raise MaskDecodeError("the mask holds a character that is not ASCII") from exc
    codes = characters - _FIRST_CHARACTER
    if codes.size == 0:
        raise MaskDecodeError("the mask has no run lengths")
    if codes.min() < 0 or codes.max() > _GROUP_MASK + _MORE_BIT:
        raise MaskDecodeError("the mask holds a character outside its alphabet")
    is_last = (codes & _MORE_BIT) == 0
    if not is_last[-1]:
        raise MaskDecodeError("the mask's last run length is cut off")
    ends = np.flatnonzero(is_last)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if lengths.max() > _MAX_GROUPS:
        raise MaskDecodeError("a run length of the mask is too long a number")
    position = np.arange(codes.size) - np.repeat(starts, lengths)
    values = np.add.reduceat((codes & _GROUP_MASK) << (_GROUP_BITS * position), starts)
    is_negative = (codes[ends] & _SIGN_BIT) != 0
    numbers: NDArray[np.int64] = values - (is_negative.astype(np.int64) << (_GROUP_BITS * lengths))
    return numbers
