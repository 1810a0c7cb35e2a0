"""Which packet a decoded picture came from."""

from __future__ import annotations

_PENDING_TIMES = 64


class FrameIdentities:
    """Remembers the packets given to a decoder, to name the pictures that come out of it."""

    def __init__(self) -> None:
        self._captured: dict[int, int] = {}

    def expect(self, pts: int, captured_at_ns: int) -> None:
        """Remember a packet that is about to be decoded."""
        self._captured[pts] = captured_at_ns
        while len(self._captured) > _PENDING_TIMES:
            del self._captured[next(iter(self._captured))]

    def forget(self) -> None:
        """Begin afresh: no picture of what was given so far will come any more."""
        self._captured.clear()

    def take(
        self, told: int | None, *, after: int | None, may_guess: bool
    ) -> tuple[int, int] | None:
        """Find the packet of a decoded picture; None if that is unknowable.

        Some files tell times of decoding only. Decoders give pictures in order of presentation, so
        the smallest time not yet used is the picture's; but only if viewers get the picture with
        that same time, that is, encoded by us.

        Args:
            told: The picture's pts as the decoder tells it.
            after: The pts of the picture before it.
            may_guess: Whether viewers get the picture encoded by us.

        Returns:
            Its pts and the monotonic time at which its packet came.
        """
        last = -1 if after is None else after
        if told is not None and told > last and told in self._captured:
            return told, self._captured.pop(told)
        if not may_guess:
            return None
        pts = min((pts for pts in self._captured if pts > last), default=None)
        return None if pts is None else (pts, self._captured.pop(pts))
