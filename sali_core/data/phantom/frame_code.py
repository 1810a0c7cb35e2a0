"""A frame's number burned into its picture, so that a test can tell which frame it sees.

Two rows of 16 square blocks of 16 pixels (unless told otherwise) stand in the bottom left corner: x
from 0 to 256, the upper row from height - 32 to height - 16, the lower row below it. The upper row
holds the number's 16 bits, most significant first, white for 1; the lower row their complement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sali_core.data.phantom.config import CODE_HEIGHT_PX, CODE_WIDTH_PX
from sali_core.errors import ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS = 16
BLOCK_PX = 16
_BLACK, _WHITE = 16, 235
_LEAST_CONTRAST = 48.0


def draw_frame_code(image: NDArray[np.uint8], number: int, *, block_px: int = BLOCK_PX) -> None:
    """Burn `number` modulo 65536 into `image`, in place.

    Args:
        image: [H, W, 3] uint8, at least 16 blocks wide and 2 high.
        number: Frame number, 0 or more.
        block_px: Side of a block; large pictures that will be shrunk need larger ones.

    Raises:
        ShapeError: The image is too small for the code.
    """
    height, width = image.shape[:2]
    code_width, code_height = BITS * block_px, 2 * block_px
    if width < code_width or height < code_height:
        raise ShapeError(
            f"a frame code needs {code_width} x {code_height} pixels, "
            f"the image has {width} x {height}"
        )
    bits = (number >> np.arange(BITS - 1, -1, -1)) & 1
    rows = np.stack([bits, 1 - bits])
    grey = np.where(rows == 1, _WHITE, _BLACK).astype(np.uint8)
    blocks = grey.repeat(block_px, axis=0).repeat(block_px, axis=1)
    image[height - code_height :, :code_width] = blocks[..., None]


def read_frame_code(
    image: NDArray[np.uint8], box: tuple[float, float, float, float] | None = None
) -> int | None:
    """Read the number burned into `image`, also after compression and scaling.

    Args:
        image: [H, W] or [H, W, C] uint8.
        box: Where the code lies, (x, y, width, height) in pixels; by default the 256 x 32 pixels
            of the bottom left corner.

    Returns:
        The number, 0 to 65535; None when the two rows do not complement each other.
    """
    grey = image if image.ndim == 2 else image[..., :3].mean(axis=2)
    height, width = grey.shape
    x, y, box_width, box_height = box or (
        0.0,
        float(height - CODE_HEIGHT_PX),
        float(CODE_WIDTH_PX),
        float(CODE_HEIGHT_PX),
    )
    step_x, step_y = box_width / BITS, box_height / 2.0
    if x < 0 or y < 0 or x + box_width > width or y + box_height > height or step_x < 3:
        return None
    means = np.empty((2, BITS))
    for row in range(2):
        top = round(y + (row + 0.3) * step_y)
        bottom = max(top + 1, round(y + (row + 0.7) * step_y))
        for bit in range(BITS):
            left = round(x + (bit + 0.3) * step_x)
            right = max(left + 1, round(x + (bit + 0.7) * step_x))
            means[row, bit] = grey[top:bottom, left:right].mean()
    upper, lower = means
    if np.any(np.abs(upper - lower) < _LEAST_CONTRAST):
        return None
    middle = 0.5 * (means.max() + means.min())
    bits = upper > middle
    if np.any(bits == (lower > middle)):
        return None
    return int(bits @ (1 << np.arange(BITS - 1, -1, -1)))
