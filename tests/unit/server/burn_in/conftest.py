from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from server.masks import rle
from server.masks.hub import HubLimits, MaskHub, MaskRecord
from server.masks.message import AiStateName, RunLengths, StateMessage
from tests.fakes.virtual_clock import VirtualClock

SIDE = 44


def state_of(ai_state: AiStateName) -> StateMessage:
    return StateMessage(ai_state=ai_state, ai_reason="", source_state="playing", source_reason="")


def mask_of(pts: int, *, size: tuple[int, int] = (240, 320), column: int = 10) -> MaskRecord:
    """A square of 8 x 8 of 44 x 44 pixels, whose place a test chooses."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[20:28, column : column + 8] = True
    height, width = size
    return MaskRecord(
        sequence=pts // 3600, pts=pts, captured_at_ns=0, source_size=size,
        region=(0, 0, width, height), rle=RunLengths(size=mask.shape, counts=rle.encode(mask)),
        polyps=(), ai_state="active", latency_p95_ms=None,
    )  # fmt: skip


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(0)


@pytest.fixture
def hub(clock: VirtualClock) -> MaskHub:
    count: Callable[[str], None] = lambda cause: None  # noqa: E731
    return MaskHub(
        state_of("active"), limits=HubLimits(), now_ns=clock.monotonic_ns, count_drop=count
    )
