from __future__ import annotations

import numpy as np
import pytest

from server.media.frame import SourcePacket, StreamFormat
from server.media.picture_decoder import PictureDecoder
from tests.fakes.still_pictures import jpeg, png


@pytest.mark.parametrize(("codec", "make"), [("png", png), ("mjpeg", jpeg)])
def test_pictures_that_a_program_pushes_do_not_change_each_other(codec: str, make: object) -> None:
    decoder = PictureDecoder(StreamFormat(codec), "pushed")
    for number, brightness in enumerate((220, 40, 40, 130, 220)):
        packet = SourcePacket(make(64, 48, brightness), 3600 * number, True, 0)
        [frame] = decoder.decode(packet)
        assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - brightness).max() <= 3
