"""The seam between sources and the pipeline."""

from __future__ import annotations

from typing import Protocol

from server.media.frame import SourcePacket, SourceState, StreamFormat


class SourceSink(Protocol):
    """Where a source puts what it has. For the event loop only."""

    def begin(self, stream: StreamFormat, reason: str | None) -> None:
        """Start a stretch of video coded like `stream`.

        Args:
            stream: How the packets that follow are coded.
            reason: Why they do not continue the last ones (the model must forget what it saw);
                None for the first stretch.
        """

    def packet(self, packet: SourcePacket) -> None:
        """Deliver a packet at the time at which it is to be seen."""

    def report(self, state: SourceState, reason: str) -> None:
        """Report where the source stands."""


class Source(Protocol):
    """Something that delivers video until it is cancelled or ends."""

    async def run(self, sink: SourceSink) -> None:
        """Deliver video; return when it has ended for good. Cancellation ends it early.

        Raises:
            ServiceError: It cannot deliver (any more), and trying again is of no use.
        """

    def request_keyframe(self) -> None:
        """Ask for a keyframe, if `can_make_keyframes`."""

    @property
    def can_make_keyframes(self) -> bool:
        """Whether a keyframe can be had on request."""
