"""`sali bench media` and `relay`, short: pixels are read, masks lie on their own pictures."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from server.bench.coded_video import VideoShape
from server.bench.glass import GlassSettings, measure_glass
from server.bench.relay_delay import RelaySettings, measure_relay
from tests.e2e.browser import require_chromium

pytestmark = [pytest.mark.e2e, pytest.mark.long]


@pytest.mark.parametrize("kind", ["file", "whip"])
def test_every_mode_of_a_source_is_measured_and_no_mask_is_wrong(kind: str, tmp_path: Path) -> None:
    require_chromium()
    shape = VideoShape(480, 240, fps=20, seconds=4, kbps=800)
    settings = GlassSettings(shape, (kind,), seconds=3, settle_s=1)  # type: ignore[arg-type]
    result = measure_glass(settings, tmp_path, lambda what: None)
    json.dumps(result.to_dict())
    exact, live, without = result.modes
    assert [one.mode for one in result.modes] == ["exact", "live", "without"]
    for one in result.modes:
        assert one.pictures >= 50
        assert one.glass is not None
        assert one.glass.count >= one.pictures / 2
        assert one.glass.p50_ms > 0
    assert exact.wrong == 0
    assert exact.masked > 0
    assert exact.masked_glass is not None
    assert exact.mask_message is not None
    assert live.viewer["frames-drawn"] > 0
    assert without.masked == 0
    assert without.mask_message is None


def test_a_picture_is_known_again_in_chromium_straight_and_through_the_relay(
    tmp_path: Path,
) -> None:
    require_chromium()
    shape = VideoShape(480, 240, fps=20, seconds=4, kbps=800)
    settings = RelaySettings(shape, block_s=2, rounds=1, player="chromium")
    result = asyncio.run(measure_relay(settings, tmp_path, lambda what: None))
    working = result.conditions[0]
    assert working.pictures >= 10
    assert working.added is not None
    assert working.added.count >= 10
