from __future__ import annotations

import pytest

from server.errors import SourceNotReadyError
from server.media.relay import Relay
from server.media.whep import WhepViewers


async def test_a_viewer_of_a_burned_stream_that_has_ended_is_refused() -> None:
    burned = Relay()
    viewers = WhepViewers(Relay(), lambda viewer, origin: None, burned)
    burned.close()
    with pytest.raises(SourceNotReadyError, match="the burned stream of this session has ended"):
        await viewers.create("offer", "h264", "burned")
    assert viewers.count == 0
