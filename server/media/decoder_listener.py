"""The seam between the decoder thread and whom it works for."""

from __future__ import annotations

from typing import Protocol

from server.errors import ServiceError
from server.media.frame import CodedPacket
from server.media.packet_queue import Restart
from server.media.sight import Sight


class DecoderListener(Protocol):
    """Whom the decoder thread tells what it found; each method is called on that thread."""

    def on_picture(self, width: int, height: int, fps: float | None) -> None:
        """The first picture, or one of another size, was decoded (size as relayed)."""

    def on_size(self, pts: int, width: int, height: int) -> None:
        """Pictures have another size (as relayed) from this one on; told for the first one too."""

    def on_discontinuity(self, reason: str) -> None:
        """The next picture does not continue the last; returns when everybody knows."""

    def on_sight(self, sight: Sight) -> None:
        """The pictures show something else than before."""

    def on_encoded(self, packet: CodedPacket) -> None:
        """A packet for the viewers was encoded."""

    def on_unsuitable(self, stretch: Restart) -> None:
        """Browsers cannot play the packets of this stretch as they are."""

    def on_corrupt(self) -> None:
        """A packet could not be decoded; a keyframe would help."""

    def on_hopeless(self, stretch: Restart) -> None:
        """For a second nothing could be decoded; it is tried further."""

    def on_failure(self, error: ServiceError, stretch: Restart) -> None:
        """This stretch cannot be decoded; its packets are left out from now on."""
