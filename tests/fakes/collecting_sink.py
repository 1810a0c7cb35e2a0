"""Takes what a source or a connection delivers, for tests to look at."""

from __future__ import annotations

from server.media.frame import (
    CodedPicture,
    SourcePacket,
    SourceRetry,
    SourceState,
    StreamFormat,
)


class CollectingSink:
    """Implements `server.media.feed.SourceSink` and `ConnectionSink`."""

    def __init__(self) -> None:
        self.formats: list[StreamFormat] = []
        self.stretches: list[str | None] = []
        self.same_pictures: list[bool] = []
        self.pictures: list[CodedPicture] = []
        self.packets: list[SourcePacket] = []
        self.states: list[tuple[SourceState, str, SourceRetry | None]] = []
        self.lost_pictures = 0

    def begin(
        self, stream: StreamFormat, reason: str | None = None, *, is_same_picture: bool = False
    ) -> None:
        self.formats.append(stream)
        self.stretches.append(reason)
        self.same_pictures.append(is_same_picture)

    def picture(self, picture: CodedPicture) -> None:
        self.pictures.append(picture)

    def packet(self, packet: SourcePacket) -> None:
        self.packets.append(packet)

    def lost(self, pictures: int) -> None:
        self.lost_pictures += pictures

    def report(self, state: SourceState, reason: str, retry: SourceRetry | None = None) -> None:
        self.states.append((state, reason, retry))
