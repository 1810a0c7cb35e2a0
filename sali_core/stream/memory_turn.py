"""Whose turn it is to enter memory: every so many frames one, and no frame that is left out."""

from __future__ import annotations

from typing import Protocol


class TurnState(Protocol):
    """What a stream keeps of its turns.

    Attributes:
        frames_seen: Frames stepped so far.
        is_left_out: Whether the next frame is not to enter memory.
        owes_frame: Whether a frame that was due was left out, and none entered since.
    """

    frames_seen: int
    is_left_out: bool
    owes_frame: bool


def take_turn(state: TurnState, write_every_frames: int) -> bool:
    """Tell whether the frame at hand enters memory, and note it.

    A due frame that is left out is made up for by the next that is not. The first always enters: a
    stream reads itself until then.

    Args:
        state: Of the stream; `frames_seen` does not count the frame at hand yet.
        write_every_frames: A frame is due every so many.
    """
    is_due = state.owes_frame or state.frames_seen % write_every_frames == 0
    enters = is_due and (state.frames_seen == 0 or not state.is_left_out)
    state.owes_frame = is_due and not enters
    state.is_left_out = False
    return enters
