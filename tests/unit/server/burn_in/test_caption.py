from __future__ import annotations

import numpy as np
import pytest

from server.burn_in.caption import burn_caption, caption_lines
from server.burn_in.outline import YuvPicture
from server.masks.message import AiStateName, StateMessage


def _state(ai_state: AiStateName, reason: str = "") -> StateMessage:
    return StateMessage(
        ai_state=ai_state, ai_reason=reason, source_state="playing", source_reason=""
    )


@pytest.mark.parametrize(
    ("state", "wait_ms", "line"),
    [
        (_state("active"), None, "AI ACTIVE"),
        (_state("active"), 150, "AI: NO MASK FOR THIS PICTURE (it waits 150 ms at most)"),
        (_state("active", "slow machine"), None, "AI ACTIVE: slow machine"),
        (_state("paused", "no pictures"), 150, "AI PAUSED: no pictures"),
        (_state("failed", "worker lost"), 150, "AI FAILED: worker lost"),
        (_state("late"), None, "AI LATE"),
    ],
)
def test_the_caption_tells_the_state_and_what_this_is_not(
    state: StateMessage, wait_ms: int | None, line: str
) -> None:
    assert caption_lines(state, without_mask_after_ms=wait_ms) == (line, "Not a medical device.")


def test_the_caption_is_written_into_the_upper_left_corner() -> None:
    rows = np.full((720, 640), 120, np.uint8)
    picture = YuvPicture.from_rows(rows)
    burn_caption(picture, ("AI PAUSED", "Not a medical device."))
    written = picture.y != 120
    assert written[:60, :200].any()
    assert not written[60:].any()
    assert (picture.y[:60, :200] == 235).sum() > 100, "there is light text"
    other = np.full((720, 640), 120, np.uint8)
    burn_caption(YuvPicture.from_rows(other), ("AI ACTIVE", "Not a medical device."))
    assert (other != rows).any()


@pytest.mark.parametrize(("height", "width"), [(2, 2), (16, 16), (48, 64), (20, 4000)])
def test_a_small_picture_gets_as_much_of_it_as_fits(height: int, width: int) -> None:
    burn_caption(YuvPicture.from_rows(np.zeros((height * 3 // 2, width), np.uint8)), ("AI LATE",))
