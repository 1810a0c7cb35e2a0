"""Those who connect to a session: its viewers, its publisher, the program that pushes pictures."""

from __future__ import annotations

from collections.abc import Callable

from server.errors import ResourceNotFoundError, SourceNotReadyError, ViewerLimitError
from server.media.frame import BURNED_CODEC, Overlay
from server.media.frames_source import FrameFeed
from server.media.trickle import TrickleFragment
from server.session.ports import Pipeline, Viewers


class SessionPeers:
    """Lets peers in and ends them. Belongs to its session's event loop.

    Args:
        pipeline: The session's video.
        viewers: Who watches it.
        max_viewers: How many are let in at the same time.
        require_open: Raises `SessionNotFoundError` once the session has ended.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        viewers: Viewers,
        *,
        max_viewers: int,
        require_open: Callable[[], None],
    ) -> None:
        self._pipeline = pipeline
        self._viewers = viewers
        self._max_viewers = max_viewers
        self._require_open = require_open
        self._joining = 0

    @property
    def viewers(self) -> int:
        """How many watch."""
        return self._viewers.count

    async def add_viewer(self, offer_sdp: str, overlay: Overlay = "clean") -> tuple[str, str]:
        """Answer a WHEP offer; return the viewer's id and the answer.

        Args:
            offer_sdp: The viewer's SDP offer.
            overlay: Whether it gets the source's pictures or those with masks burned in.

        Raises:
            SourceNotReadyError: No video yet.
            ViewerLimitError: No room.
            InvalidOfferError: The offer cannot be used.
        """
        self._require_open()
        video = self._pipeline.video
        if video is None:
            raise SourceNotReadyError(self._pipeline.reason or "the source has no video yet")
        if self.viewers + self._joining >= self._max_viewers:
            raise ViewerLimitError(f"the session has {self.viewers} viewers, its limit")
        self._joining += 1
        try:
            codec = BURNED_CODEC if overlay == "burned" else video.codec
            return await self._viewers.create(offer_sdp, codec, overlay)
        finally:
            self._joining -= 1

    async def remove_viewer(self, viewer_id: str) -> None:
        """End a viewer.

        Raises:
            ResourceNotFoundError: No viewer has this id.
        """
        await self._viewers.close(viewer_id)

    def repair_viewer(self, viewer_id: str) -> None:
        """Send a viewer a keyframe as soon as there can be one; one that is gone is none."""
        self._viewers.repair(viewer_id)

    async def add_publisher(self, offer_sdp: str) -> tuple[str, str]:
        """Answer a WHIP offer; return the publisher's id and the answer.

        Raises:
            SourceRefusedError: The session's source is not WHIP.
            PublisherBusyError: Somebody publishes already.
            InvalidOfferError: The offer cannot be used.
        """
        self._require_open()
        return await self._pipeline.whip_accept(offer_sdp)

    async def remove_publisher(self, publisher_id: str) -> None:
        """End a publisher.

        Raises:
            ResourceNotFoundError: No publisher has this id.
        """
        if self._pipeline.spec.kind != "whip":
            raise ResourceNotFoundError("no publisher has this id")
        await self._pipeline.whip_close(publisher_id)

    async def trickle(
        self, resource_id: str, if_match: str | None, fragment: TrickleFragment, *, is_viewer: bool
    ) -> None:
        """Take candidates that a viewer or a publisher sends after its offer.

        Raises:
            ResourceNotFoundError: Nobody has this id.
            ProtocolError: The entity tag is missing or wrong, or a restart is asked for.
        """
        if is_viewer:
            await self._viewers.trickle(resource_id, if_match, fragment)
        elif self._pipeline.spec.kind == "whip":
            await self._pipeline.whip_trickle(resource_id, if_match, fragment)
        else:
            raise ResourceNotFoundError("no publisher has this id")

    def attach_frames(self) -> FrameFeed:
        """Let a program push its pictures; the caller closes what is returned.

        Raises:
            SourceRefusedError: The session's source is not `frames`.
            PublisherBusyError: Another program pushes already.
        """
        self._require_open()
        return self._pipeline.attach_frames()
