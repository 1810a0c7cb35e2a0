"""What is known of the pictures of one stream."""

from __future__ import annotations

from dataclasses import dataclass

from server.media.picture_quality import Poor
from server.media.view import View

_INSTRUMENT = "instrument in view"


@dataclass(frozen=True, slots=True)
class Sight:
    """Of the newest pictures; steady over time.

    Attributes:
        view: What they show.
        poor: Why they are poor; None if they will do.
        instrument: Whether an instrument is in view.
    """

    view: View = View.UNKNOWN
    poor: Poor | None = None
    instrument: bool = False

    @property
    def reason(self) -> str:
        """One line for people; empty where there is nothing to say."""
        poor = "" if self.poor is None else self.poor.reason
        instrument = _INSTRUMENT if self.instrument else ""
        return "; ".join(filter(None, (self.view.reason, poor, instrument)))
