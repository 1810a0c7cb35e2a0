"""Frames that a program pushes and the answer to each: its mask, or that it was dropped and why."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from server.errors import InvalidPictureError
from server.masks.message import DroppedMessage, FrameMaskMessage, MaskMessage

MAX_IN_FLIGHT = 4
"""Frames on their way through the session; with fewer, one would miss its batch at the worker."""

MAX_ANSWERS = 64
"""Answers that wait to be sent; beyond it no more frames are read."""

_ANSWER_WITHIN_NS = 1_000_000_000

PushFrame = Callable[[bytes, int | None], int]


@dataclass(frozen=True, slots=True)
class PushedFrame:
    """A frame as it came; `ticks` is its time, 90 kHz, if the program told one."""

    id: int
    picture: bytes
    ticks: int | None


class FrameExchange:
    """Pairs pushed frames with masks, by pts. Used from one event loop.

    Invariant: at most `MAX_IN_FLIGHT` frames are on their way and at most one waits, the newest.

    Args:
        push: Puts a picture into the session's video; returns its pts.
        now_ns: Monotonic time.
    """

    def __init__(self, push: PushFrame, now_ns: Callable[[], int]) -> None:
        self._push = push
        self._now_ns = now_ns
        self._in_flight: dict[int, tuple[int, int]] = {}
        self._waiting: PushedFrame | None = None
        self._answers: deque[DroppedMessage | FrameMaskMessage] = deque()

    @property
    def in_flight(self) -> int:
        """Frames on their way."""
        return len(self._in_flight)

    @property
    def is_full(self) -> bool:
        """Whether the program takes its answers too slowly to be read from."""
        return len(self._answers) >= MAX_ANSWERS

    def offer(self, frame: PushedFrame) -> None:
        """Take a frame; where there is no room, it replaces the one that waits."""
        if self._waiting is not None:
            self._drop(self._waiting.id, "replaced")
            self._waiting = None
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            self._waiting = frame
        else:
            self._start(frame)

    def note_mask(self, mask: MaskMessage) -> None:
        """Answer the mask's frame; frames before it will get none any more."""
        for pts in [pts for pts in self._in_flight if pts < mask.pts]:
            self._drop(self._in_flight.pop(pts)[0], "replaced")
        answered = self._in_flight.pop(mask.pts, None)
        if answered is not None:
            fields = mask.model_dump(exclude={"type"})
            self._answers.append(FrameMaskMessage(id=answered[0], **fields))
        self._start_waiting()

    def expire(self) -> None:
        """Give up frames whose mask does not come: not decodable, or the AI is late."""
        limit_ns = self._now_ns() - _ANSWER_WITHIN_NS
        for pts, (frame_id, pushed_ns) in list(self._in_flight.items()):
            if pushed_ns <= limit_ns:
                del self._in_flight[pts]
                self._drop(frame_id, "no_mask")
        self._start_waiting()

    def take(self) -> list[DroppedMessage | FrameMaskMessage]:
        """Return the answers to be sent now, in order."""
        answers = list(self._answers)
        self._answers.clear()
        return answers

    def _start_waiting(self) -> None:
        if self._waiting is not None and len(self._in_flight) < MAX_IN_FLIGHT:
            frame, self._waiting = self._waiting, None
            self._start(frame)

    def _start(self, frame: PushedFrame) -> None:
        try:
            pts = self._push(frame.picture, frame.ticks)
        except InvalidPictureError as exc:
            self._drop(frame.id, "unusable", str(exc))
        else:
            self._in_flight[pts] = (frame.id, self._now_ns())

    def _drop(self, frame_id: int, cause: str, detail: str = "") -> None:
        self._answers.append(DroppedMessage(id=frame_id, cause=cause, detail=detail))
