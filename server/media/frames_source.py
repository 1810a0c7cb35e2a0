"""Pictures that a program pushes, one by one, as the video of a session."""

from __future__ import annotations

from server.errors import InvalidPictureError, PublisherBusyError, ServiceError
from server.media.clock import Clock
from server.media.feed import SourceSink
from server.media.frame import CLOCK_RATE_HZ, SourcePacket, SourceState, StreamFormat
from server.media.picture_header import read_picture_header
from server.media.timeline import Timeline

_SILENCE_NS = 2_000_000_000
_WATCH_INTERVAL_NS = 250_000_000
_WAITING = "waiting for a program that pushes frames"
_WAITING_FOR_FRAME = "waiting for the program's first frame"


class FrameFeed:
    """One program's way into the source; made by `FramesSource.attach`."""

    def __init__(self, source: FramesSource) -> None:
        self._source = source

    def push(self, picture: bytes, ticks: int | None) -> int:
        """Put a JPEG or PNG picture into the video.

        Args:
            picture: The picture's file.
            ticks: Its time on the program's clock, 90 kHz; None takes the time of arrival.

        Returns:
            Its pts on the session's clock.

        Raises:
            InvalidPictureError: It cannot be used, or is not newer than the one before.
        """
        return self._source.push(self, picture, ticks)

    def close(self) -> None:
        """Leave; the next program may come. Calling it twice is harmless."""
        self._source.detach(self)


class FramesSource:
    """Takes pictures of one program at a time; belongs to the session's event loop.

    Args:
        clock: Stamps what arrives.
        timeline: The session's clock.
    """

    can_make_keyframes = False

    def __init__(self, *, clock: Clock, timeline: Timeline) -> None:
        self._clock = clock
        self._timeline = timeline
        self._sink: SourceSink | None = None
        self._feed: FrameFeed | None = None
        self._codec = ""
        self._break: str | None = None
        self._last_ns: int | None = None
        self._last_pts = -1
        self._is_silent = False

    def request_keyframe(self) -> None:
        """Do nothing: every picture is one."""

    def give_up(self, error: ServiceError) -> bool:
        """Begin afresh with the next picture: the one that failed says nothing of it."""
        self._break = "a picture could not be decoded"
        return True

    async def run(self, sink: SourceSink) -> None:
        """Watch for silence until cancelled."""
        self._sink = sink
        sink.report(SourceState.CONNECTING, _WAITING)
        try:
            while True:
                await self._clock.sleep_until_ns(self._clock.monotonic_ns() + _WATCH_INTERVAL_NS)
                self._watch(sink)
        finally:
            self._sink = None

    def attach(self) -> FrameFeed:
        """Let a program in.

        Raises:
            PublisherBusyError: Another one pushes frames.
        """
        if self._feed is not None:
            raise PublisherBusyError("another program pushes frames to this session already")
        self._feed = FrameFeed(self)
        if self._last_ns is not None:
            self._break = "another program"
        self._report_waiting(_WAITING_FOR_FRAME)
        return self._feed

    def detach(self, feed: FrameFeed) -> None:
        """Let a program go. For `FrameFeed.close`."""
        if feed is not self._feed:
            return
        self._feed = None
        self._report_waiting(_WAITING)

    def push(self, feed: FrameFeed, picture: bytes, ticks: int | None) -> int:
        """Take a picture. For `FrameFeed.push`."""
        header = read_picture_header(picture)
        sink = self._sink
        if sink is None or feed is not self._feed:
            raise InvalidPictureError("the session does not take pictures any more")
        now_ns = self._clock.monotonic_ns()
        if ticks is None:
            ticks = now_ns * CLOCK_RATE_HZ // 1_000_000_000
        if header.codec != self._codec or self._break is not None:
            self._begin(sink, header.codec, now_ns)
        pts = self._timeline.map(ticks)
        if pts <= self._last_pts:
            raise InvalidPictureError("the picture's pts is not greater than the last one's")
        self._last_pts, self._last_ns = pts, now_ns
        self._is_silent = False
        sink.packet(SourcePacket(picture, pts, True, now_ns))
        return pts

    def _report_waiting(self, reason: str) -> None:
        if self._sink is not None:
            has_played = self._last_ns is not None
            state = SourceState.RECONNECTING if has_played else SourceState.CONNECTING
            self._sink.report(state, reason)

    def _begin(self, sink: SourceSink, codec: str, now_ns: int) -> None:
        """Start a stretch: the first one, another program's, or one in another format."""
        reason = self._break
        if self._last_ns is not None:
            reason = reason or "the format of the pictures changed"
            lost_ns = now_ns - self._last_ns
            self._timeline.begin_stretch(lost_ns * CLOCK_RATE_HZ // 1_000_000_000)
        self._codec, self._break = codec, None
        sink.begin(StreamFormat(codec), reason)

    def _watch(self, sink: SourceSink) -> None:
        if self._feed is None or self._last_ns is None or self._is_silent:
            return
        if self._clock.monotonic_ns() - self._last_ns > _SILENCE_NS:
            self._is_silent = True
            sink.report(SourceState.STALLED, "the program pushes no frames")
