from __future__ import annotations

import numpy as np

from server.burn_in import OUTLINE_RGB, burn_outline


def test_the_outline_encloses_the_mask_and_leaves_the_rest() -> None:
    image = np.full((240, 320, 3), 120, np.uint8)
    mask = np.zeros((352, 352), bool)
    mask[88:264, 88:264] = True  # rows 60..180, columns 80..240 of the picture
    out = burn_outline(image, mask)
    line = (out == OUTLINE_RGB).all(-1)
    rows, cols = np.nonzero(line)
    assert (rows.min(), rows.max() + 1) == (59, 181)
    assert (cols.min(), cols.max() + 1) == (79, 241)
    assert (out[61:179, 81:239] == 120).all()
    assert (out[:57] == 120).all()
    assert (image == 120).all()


def test_an_empty_mask_draws_nothing() -> None:
    image = np.full((60, 80, 3), 7, np.uint8)
    assert (burn_outline(image, np.zeros((352, 352), bool)) == image).all()
