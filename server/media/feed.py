"""The seam between sources and the pipeline."""

from __future__ import annotations

from typing import Protocol

from server.errors import ServiceError
from server.media.frame import (
    CodedPicture,
    SourcePacket,
    SourceRetry,
    SourceState,
    StreamFormat,
)


class SourceSink(Protocol):
    """Where a source puts what it has. For the event loop only."""

    def begin(
        self, stream: StreamFormat, reason: str | None, *, is_same_picture: bool = False
    ) -> None:
        """Start a stretch of video coded like `stream`.

        Args:
            stream: How the packets that follow are coded.
            reason: Why they do not continue the last ones (the model must forget what it saw);
                None for the first stretch.
            is_same_picture: The endoscopic picture lies where it lay before; else it is looked for
                again.
        """

    def packet(self, packet: SourcePacket) -> None:
        """Deliver a packet at the time at which it is to be seen."""

    def lost(self, pictures: int) -> None:
        """Count pictures that came incomplete and were left out."""

    def report(self, state: SourceState, reason: str, retry: SourceRetry | None = None) -> None:
        """Report where the source stands, and which attempt to connect comes next, if one does."""


class Source(Protocol):
    """Something that delivers video until it is cancelled or ends."""

    async def run(self, sink: SourceSink) -> None:
        """Deliver video; return when it has ended for good. Cancellation ends it early.

        Raises:
            ServiceError: It cannot deliver (any more), and trying again is of no use.
        """

    def request_keyframe(self) -> None:
        """Ask for a keyframe, if `can_make_keyframes`."""

    def give_up(self, error: ServiceError) -> bool:
        """End what comes now, as it cannot be decoded; whether something else may come."""

    @property
    def can_make_keyframes(self) -> bool:
        """Whether a keyframe can be had on request."""


class ConnectionSink(Protocol):
    """Where one connection puts what comes. For the event loop only."""

    def begin(self, stream: StreamFormat) -> None:
        """Say how the pictures that follow are coded."""

    def picture(self, picture: CodedPicture) -> None:
        """Deliver a picture as soon as it is complete."""

    def lost(self, pictures: int) -> None:
        """Count pictures that came incomplete and were left out."""


class Connection(Protocol):
    """One attempt to have video from a camera or a device; see `server.media.reconnect`."""

    async def run(self, sink: ConnectionSink) -> None:
        """Deliver pictures until the peer ends the stream; cancellation ends it at once.

        Raises:
            ServiceError: It could not be opened, or broke.
        """
