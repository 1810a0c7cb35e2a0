"""What the picture shows, as far as that decides whether masks belong on it."""

from __future__ import annotations

from enum import StrEnum


class View(StrEnum):
    """The values are those of the wire protocol.

    `unknown`: not looked at, or no picture yet. `other_imaging`: lit by other than white light, or
    shown in other colours (narrow band and the like).
    """

    UNKNOWN = "unknown"
    IN_BODY = "in_body"
    OUT_OF_BODY = "out_of_body"
    NO_SIGNAL = "no_signal"
    FROZEN = "frozen"
    BLANK = "blank"
    BARS = "bars"
    OTHER_IMAGING = "other_imaging"

    @property
    def has_masks(self) -> bool:
        """Whether masks are computed and shown."""
        return self in _WITH_MASKS

    @property
    def ends_memory(self) -> bool:
        """Whether what is seen next may be somebody else, or the same long after."""
        return not self.has_masks and self is not View.BLANK

    @property
    def reason(self) -> str:
        """One line for people; empty where there is nothing to say."""
        return _REASONS.get(self, "")


_WITH_MASKS = frozenset({View.UNKNOWN, View.IN_BODY, View.OTHER_IMAGING})

_REASONS = {
    View.OUT_OF_BODY: "outside the body",
    View.NO_SIGNAL: "the tower sends no signal",
    View.FROZEN: "the picture is frozen",
    View.BLANK: "the picture is blank",
    View.BARS: "the tower sends a test picture",
    View.OTHER_IMAGING: "other imaging than white light: not validated",
}
