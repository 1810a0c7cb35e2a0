from __future__ import annotations

import numpy as np
import pytest

from server.findings.outline import Region, keep_regions
from server.masks import rle
from server.masks.message import RunLengths

MASK = np.zeros((40, 60), dtype=np.bool_)
MASK[5:20, 5:20] = True  # a ring
MASK[8:17, 8:17] = False
MASK[10:13, 10:13] = True  # an island within its box
MASK[30:35, 40:50] = True
RING, ISLAND, BAR = ((5, 5, 15, 15), 144), ((10, 10, 3, 3), 9), ((40, 30, 10, 5), 50)
WHOLE = RunLengths(size=(40, 60), counts=rle.encode(MASK))


@pytest.mark.parametrize("kept", [[], [RING], [ISLAND], [BAR], [RING, BAR], [RING, ISLAND, BAR]])
def test_exactly_the_regions_that_are_kept_stay(kept: list[Region]) -> None:
    wanted = MASK.copy()
    if RING not in kept:
        wanted[5:20, 5:20] = False
        wanted[10:13, 10:13] = True
    if ISLAND not in kept:
        wanted[10:13, 10:13] = False
    if BAR not in kept:
        wanted[30:35, 40:50] = False
    dropped = [region for region in (RING, ISLAND, BAR) if region not in kept]
    left = keep_regions(WHOLE, kept, dropped)
    assert left.size == (40, 60)
    assert np.array_equal(rle.decode(left.counts, 40, 60), wanted)
