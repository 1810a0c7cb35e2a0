"""The benchmarks' marker model, for test pictures: it draws the number that it reads in a picture.

The picture is of 640 x 480 and carries a frame code (`sali_core.data.phantom.frame_code`) of its
usual blocks. The mask is one square whose place tells that number modulo 64, so that a test can
see whose mask it is.
"""

from __future__ import annotations

from sali_core.data.phantom.frame_code import BITS, BLOCK_PX
from server.bench.marker_model import MarkerModel

_WIDTH, _HEIGHT = 640, 480


def create_engine(weights: str = "", device: str = "cpu") -> MarkerModel:
    """Make it; for `SALI_WORKER__MODEL`."""
    return MarkerModel((BITS * BLOCK_PX / _WIDTH, 2 * BLOCK_PX / _HEIGHT))
